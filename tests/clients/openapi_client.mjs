// A client that knows nothing but our OpenAPI document: openapi-fetch over the types that openapi-typescript makes of
// it. `tsc` reads this file too, so a path, a field or an error code that the document does not have fails there.
// @ts-check

import createClient from 'openapi-fetch'
import { check, env, eventually, newRun, runChecks } from './api.mjs'

/** @typedef {import('./generated/openapi.d.ts').paths} paths */
/** @typedef {import('./generated/openapi.d.ts').components['schemas']} schemas */

const baseUrl = env('ROADBOOK_URL')
const run = newRun()

/** @type {import('openapi-fetch').Client<paths>} */
const secret = createClient({ baseUrl, headers: { authorization: `Bearer ${env('ROADBOOK_SECRET_KEY')}` } })
const basic = btoa(`${env('ROADBOOK_WRITE_KEY')}:`)
/** @type {import('openapi-fetch').Client<paths>} */
const write = createClient({ baseUrl, headers: { authorization: `Basic ${basic}` } })

async function segments() {
  /** @type {schemas['SegmentDraft']} */
  const draft = {
    name: `typed ${run}`,
    condition: { event: `Typed ${run}`, count: { op: 'gte', value: 2 }, within_days: 30 },
  }
  const made = await secret.POST('/v1/segments', { body: draft, params: { header: { 'Idempotency-Key': run } } })
  check(made.data?.status === 'draft' && made.data.revision === 1, 'a segment is created', made.error)
  const id = made.data?.id ?? ''
  const published = await secret.POST('/v1/segments/{id}/publish', { params: { path: { id } } })
  check(published.data?.status === 'live', 'and published', published.error)
  const again = await secret.POST('/v1/segments/{id}/publish', { params: { path: { id } } })
  check(again.error?.code === 'already_published', 'publishing it again is a typed problem', again.error)
  return id
}

/** @param {string} segment */
async function customers(segment) {
  const user = `typed-${run}`
  for (const messageId of [`1-${run}`, `2-${run}`]) {
    const sent = await write.POST('/v1/track', { body: { userId: user, event: `Typed ${run}`, messageId } })
    check(sent.data?.success === true, 'an event is taken', sent.error)
  }
  const find = () => secret.GET('/v1/profiles/lookup', { params: { query: { key: `user_id:${user}` } } })
  const found = await eventually('the customer is in the segment', async () => {
    const { data } = await find()
    return data?.segments.some((membership) => membership.id === segment) && data
  })
  check(found.events === 2, 'both events count')
  const path = { id: found.id }
  const timeline = await secret.GET('/v1/profiles/{id}/timeline', { params: { path, query: { limit: 50 } } })
  const facts = timeline.data?.data.flatMap((line) => (line.type === 'fact' ? [line.fact] : []))
  check(facts?.includes('segment_entered'), 'the timeline tells events from facts', facts)
  const nobody = await secret.GET('/v1/profiles/lookup', { params: { query: { key: `user_id:nobody-${run}` } } })
  check(nobody.response.status === 404 && nobody.error?.code === 'not_found', 'nobody is a typed problem')
}

async function deadLetters() {
  const bad = { type: /** @type {const} */ ('track'), messageId: `bad-${run}`, event: `Typed ${run}` }
  await write.POST('/v1/batch', { body: { batch: [bad] } })
  const page = await secret.GET('/v1/dead-letters', { params: { query: { status: 'open', limit: 10 } } })
  const letter = page.data?.data.find((row) => row.message_id === `bad-${run}`)
  check(letter?.reason.code === 'no_usable_identifier', 'a page of dead letters shows why', page.error)
  const strict = await write.POST('/v1/batch', {
    body: { batch: [bad] },
    params: { header: { 'X-Strict-Mode': '1' } },
  })
  check(strict.error?.code === 'events_rejected', 'strict mode says it at once', strict.error)
  const foreign = await write.GET('/v1/dead-letters')
  check(foreign.error?.status === 403 && foreign.error.code === 'wrong_key_kind', 'a write key may not read')
  const cursor = await secret.GET('/v1/dead-letters', { params: { query: { cursor: 'made-up' } } })
  check(cursor.error?.code === 'invalid_cursor', 'a made-up cursor is a typed problem')
}

await runChecks(async () => {
  await customers(await segments())
  await deadLetters()
})
