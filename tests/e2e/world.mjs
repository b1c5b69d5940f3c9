// What is there before the person comes: a segment, a journey, a customer in it, a letter nobody could apply.

import { setTimeout as pause } from 'node:timers/promises'

const PATIENCE_MS = 20_000

async function ask(method, path, headers, body) {
  const answer = await fetch(`${process.env.ROADBOOK_URL}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : undefined
}

export const api = (method, path, body, more = {}) =>
  ask(method, path, { Authorization: `Bearer ${process.env.ROADBOOK_SECRET_KEY}`, ...more }, body)

export const batch = (events) => {
  const basic = Buffer.from(`${process.env.ROADBOOK_WRITE_KEY}:`).toString('base64')
  return ask('POST', '/v1/batch', { Authorization: `Basic ${basic}` }, { batch: events })
}

/** Asks until something is there: the server decides in its own time. */
export async function eventually(what, probe) {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const found = await probe()
    if (found) return found
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${PATIENCE_MS} ms`)
    await pause(100)
  }
}

async function published(kind, body) {
  const made = await api('POST', `/v1/${kind}`, body)
  await api('POST', `/v1/${kind}/${made.id}/publish`)
  return made.id
}

export async function setUp(run, phone) {
  const condition = { event: 'model_viewed', count: { op: 'gte', value: 2 }, within_days: 14 }
  const segment = await published('segments', { name: `近期高意向 ${run}`, condition })
  const lead = { event: 'lead_submitted', where: [{ property: 'run', op: 'eq', value: run }] }
  const send = (purpose, next) => ({ type: 'send', channel: 'recording', purpose, content: { text: '您好' }, next })
  const journey = await published('journeys', {
    name: `留资跟进 ${run}`,
    definition: {
      entry: lead, reentry: 'once', start: 'tell',
      nodes: {
        tell: send('service', 'invite'),
        invite: send('marketing', 'drive'),
        drive: { type: 'wait_for', event: 'test_drive_completed', timeout: 'P3D', on_event: 'over', on_timeout: 'over' },
        over: { type: 'exit' },
      },
    },
  })
  const [userId, anonymousId] = [`u-${run}`, `b-${run}`]
  const viewed = (series) => ({ type: 'track', anonymousId, event: 'model_viewed', properties: { series } })
  await batch([
    viewed('R1'), viewed('R3'),
    { type: 'identify', anonymousId, userId, traits: { name: 'Test Person', phone, city: '上海' } },
    { type: 'track', userId, event: 'lead_submitted', properties: { series: 'R1', run } },
    { type: 'track', userId, messageId: `letter-${run}`, properties: { series: 'R1', phone } },
  ])
  const profile = await eventually('the message that was sent', async () => {
    const found = await api('GET', `/v1/profiles/lookup?key=userId:${userId}`)
    const ended = found.sends.filter((one) => one.status.is !== 'intended')
    return ended.length === 2 && found
  })
  const person = { login: `person-${run}@example.com`, password: `a long password ${run}` }
  await api('POST', '/v1/users', { ...person, name: 'Test Operator', roles: ['tenant_admin'] })
  const letters = await api('GET', '/v1/dead-letters?status=open')
  const letter = letters.data.find((one) => one.message_id === `letter-${run}`)
  return { segment, journey, customer: profile.id, letter: letter.id, person }
}
