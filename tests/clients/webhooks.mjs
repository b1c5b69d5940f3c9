// The real npm `standardwebhooks` verifies what a running server announces; README.md says how to run it.
// The receiver stands on this machine, so the server needs `ROADBOOK_WEBHOOKS_ALLOW_HTTP=true`.

import { createServer } from 'node:http'
import { Analytics } from '@segment/analytics-node'
import { Webhook } from 'standardwebhooks'
import { Api, check, env, eventually, newRun, runChecks } from './api.mjs'

const run = newRun()
const ENTERED = 'cn.roadbook.segment.entered.v1'

/** Somebody's server: remembers every call and takes it. */
async function receiver() {
  const calls = []
  const server = createServer((request, answer) => {
    const parts = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      calls.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') })
      answer.end()
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return { calls, url: `http://127.0.0.1:${server.address().port}/hooks`, close: () => server.close() }
}

/** Whether the library takes a call. */
function verifies(secret, { headers, body }) {
  try {
    new Webhook(secret).verify(body, headers)
    return true
  } catch {
    return false
  }
}

await runChecks(async () => {
  const api = new Api(env('ROADBOOK_URL'), env('ROADBOOK_SECRET_KEY'))
  const condition = { event: `Webhook ${run}`, count: { op: 'gte', value: 1 } }
  await api.publishSegment({ name: `Webhooks ${run}`, condition })
  const here = await receiver()
  const made = await api.expect(201, 'POST', '/v1/webhook-endpoints', { url: here.url, types: [ENTERED] })
  const sdk = new Analytics({ writeKey: env('ROADBOOK_WRITE_KEY'), host: env('ROADBOOK_URL'), path: '/v1/batch' })
  sdk.track({ userId: `webhook-node-${run}`, event: `Webhook ${run}` })
  await sdk.closeAndFlush()
  const call = await eventually('a call', () => here.calls[0])
  check(verifies(made.secret, call), 'the library verifies it', call)
  check(!verifies(made.secret, { ...call, body: `${call.body} ` }), 'and refuses a body that was changed')
  const event = JSON.parse(call.body)
  check(event.type === ENTERED && event.subject.startsWith('cus_'), 'it is a CloudEvent about a customer', event)
  const { secret } = await api.expect(200, 'POST', `/v1/webhook-endpoints/${made.id}/secret/rotate`)
  await api.expect(202, 'POST', `/v1/webhook-endpoints/${made.id}/replay`, { message: call.headers['webhook-id'] })
  const again = await eventually('the call again', () => here.calls[1])
  check(again.headers['webhook-id'] === call.headers['webhook-id'], 'a replay has the same id')
  check(verifies(made.secret, again) && verifies(secret, again), 'after a rotation both secrets verify')
  here.close()
})
