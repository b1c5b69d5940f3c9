// The real npm `@segment/analytics-node` against a running server; README.md says how to run it.

import { Analytics } from '@segment/analytics-node'
import { Api, Simulator, check, count, env, eventually, fixture, holdsFor, newRun, runChecks } from './api.mjs'
import { faultProxy } from './fault_proxy.mjs'

// The wait of fixtures/journey.json, and for how long a second message must stay away.
const WAIT_MS = 2000
const STAYS_ONE_S = 3

const url = () => env('ROADBOOK_URL')
const run = newRun()
const user = (name) => `node-${run}-${name}`
const named = (name) => `${name} ${run}`

/** Sends what `calls` makes with a fresh SDK client; fails when the SDK gives up on anything. */
async function send(text, calls, settings = {}) {
  const lost = []
  const analytics = new Analytics({
    writeKey: env('ROADBOOK_WRITE_KEY'),
    host: url(),
    flushAt: 20,
    flushInterval: 200,
    maxRetries: 5,
    ...settings,
  })
  analytics.on('error', (error) => lost.push(String(error.reason?.message ?? error.code)))
  calls(analytics)
  await analytics.closeAndFlush({ timeout: 20_000 })
  check(lost.length === 0, `${text}: the SDK gave up on nothing`, lost)
}

/** Waits until somebody has the identifier. */
function profileId(api, kind, value) {
  return eventually(`${kind} has a profile`, () => api.find(kind, value))
}

/** identify, track, page, screen, group in one batch: each is in the timeline once, in order. */
async function everyCall(api) {
  const userId = user('batch')
  const start = Date.now()
  const at = (step) => new Date(start - 1000 + step * 10)
  await send('one batch', (analytics) => {
    analytics.identify({ userId, traits: { city: 'Testville', budget: 250000, newsletter: true }, timestamp: at(0) })
    analytics.track({ userId, event: named('Model Viewed'), properties: { model: 'T-1', price: 199900 }, timestamp: at(1) })
    analytics.page({ userId, category: 'Models', name: 'Overview', timestamp: at(2) })
    analytics.screen({ userId, category: 'Garage', name: 'My Car', timestamp: at(3) })
    analytics.group({ userId, groupId: `dealer-${run}`, traits: { name: 'Test Dealer' }, timestamp: at(4) })
    analytics.track({ userId, event: named('Brochure Requested'), timestamp: at(5) })
  })
  const id = await profileId(api, 'userId', userId)
  const { traits } = await api.profile(id)
  check(
    traits.city === 'Testville' && traits.budget === 250000 && traits.newsletter === true,
    'identify: the traits are on the profile, with their types',
    traits,
  )
  const events = await eventually('six events in the timeline', async () => {
    const found = await api.events(id)
    return found.length >= 6 && found
  })
  const wanted = ['identify', named('Model Viewed'), 'page', 'screen', 'group', named('Brochure Requested')]
  check(
    events.map((one) => one.name).join() === wanted.join(),
    'every call is in the timeline once, in the order they happened',
    events,
  )
}

/** An anonymous visitor becomes a known customer, an alias joins two known ones. */
async function oneCustomer(api) {
  const [visitor, known, old] = [user('visitor'), user('known'), user('old')]
  await send('anonymous and known', (analytics) => {
    analytics.track({ anonymousId: visitor, event: named('Configurator Saved') })
    analytics.identify({ userId: known, anonymousId: visitor, traits: { plan: 'test-drive' } })
    analytics.track({ userId: known, event: named('Quote Requested') })
    analytics.track({ userId: old, event: named('Legacy Visit') })
  }, { flushAt: 1 })
  const id = await profileId(api, 'userId', known)
  await eventually('the visitor is the customer', async () => (await api.find('anonymousId', visitor)) === id)
  const seen = (await api.events(id)).map((one) => one.name)
  check(
    seen.includes(named('Configurator Saved')) && seen.includes(named('Quote Requested')),
    'identify: what the anonymous visitor did belongs to the known customer',
    seen,
  )
  check((await profileId(api, 'userId', old)) !== id, 'two known customers are two profiles before the alias')
  await send('alias', (analytics) => analytics.alias({ userId: known, previousId: old }))
  const merged = await eventually('alias joins them', async () => {
    const [left, right] = [await api.find('userId', old), await api.find('userId', known)]
    return left === right && left
  })
  const events = await api.events(merged)
  check(
    ['Configurator Saved', 'Quote Requested', 'Legacy Visit'].every((name) => count(events, named(name)) === 1),
    'alias: one profile with the history of both, each event once',
    events,
  )
}

/** Whatever the network does to the SDK, one event counts once; the segment asks for two. */
async function retries(api) {
  const segment = await api.publishSegment(fixture('segment_twice.json', { run }))
  const unavailable = { kind: 'status', status: 503 }
  const limited = { kind: 'status', status: 429, headers: { 'retry-after': '1' } }
  const cut = { kind: 'cut_after' }
  const faults = { 503: [unavailable, unavailable], 429: [limited], cut: [cut], mixed: [cut, unavailable, cut] }
  for (const [name, plan] of Object.entries(faults)) {
    const userId = user(`retry-${name}`)
    const proxy = await faultProxy(url(), plan)
    const price = (analytics) => analytics.track({ userId, event: named('Price Viewed'), properties: { fault: name } })
    await send(`retry after ${name}`, price, { host: proxy.url })
    await proxy.close()
    const sent = proxy.attempts.map((attempt) => attempt.messageIds.join())
    check(
      sent.length === plan.length + 1 && sent.every((ids) => ids !== '' && ids === sent[0]),
      `retry after ${name}: the SDK sent the same message ${sent.length} times`,
      proxy.attempts,
    )
    check(
      proxy.attempts.every((attempt) => attempt.upstream === undefined),
      `retry after ${name}: the server took every attempt that reached it`,
      proxy.attempts,
    )
    const id = await profileId(api, 'userId', userId)
    const events = await eventually('the event is there', async () => {
      const found = await api.events(id)
      return found.length > 0 && found
    })
    check(count(events, named('Price Viewed')) === 1, `retry after ${name}: counted once`, events)
    check(!(await api.inSegment(id, segment)), `retry after ${name}: not counted as two by the segment`)
  }
  await secondEvent(api, segment)
}

/** An application that repeats a call with its own message id counts once; a new event makes two. */
async function secondEvent(api, segment) {
  const userId = user('retry-cut')
  for (let time = 0; time < 3; time += 1) {
    await send('the same message id again', (analytics) =>
      analytics.track({ userId, event: named('Price Viewed'), messageId: `own-${run}` }))
  }
  const id = await profileId(api, 'userId', userId)
  const events = await api.events(id)
  check(count(events, named('Price Viewed')) === 2, 'a message id sent three times counts once', events)
  await eventually('the second event', () => api.inSegment(id, segment))
  check(true, 'the second event makes the customer a member of the segment')
}

/** One event enters the journey, waits, and becomes exactly one message to the seller. */
async function reaction(api) {
  const simulator = new Simulator(env('SIMULATOR_URL'))
  const segment = await api.publishSegment(fixture('segment_interested.json', { run }))
  const journey = await api.publishJourney(fixture('journey.json', { run, wait: 'PT2S' }))
  const userId = user('journey')
  const before = Date.now()
  await send('journey', (analytics) => {
    analytics.identify({ userId, traits: { seller: 'test-seller' } })
    analytics.track({ userId, event: named('Test Drive Booked'), properties: { model: 'T-1' } })
  }, { flushAt: 1 })
  const id = await profileId(api, 'userId', userId)
  await eventually('the segment reacts', () => api.inSegment(id, segment))
  check(true, 'segment: the event made the customer a member')
  await eventually('the journey is entered', async () => (await api.journeyStats(journey)).entered === 1)
  const [one] = await eventually('the message reaches the seller', async () => {
    const found = await simulator.delivered(run)
    return found.length > 0 && found
  })
  const waited = one.at_ms - before
  check(waited >= WAIT_MS, `journey: the message came after its wait, ${waited} ms after the event`, one)
  await holdsFor(STAYS_ONE_S, 'exactly one call for one event', async () => {
    const calls = await simulator.taken(run)
    return [calls.length === 1 && calls[0].delivered, calls]
  })
  check(true, `journey: exactly one call in the simulator's log, and still one ${STAYS_ONE_S} s later`)
  const stats = await eventually('the journey is completed', async () => {
    const found = await api.journeyStats(journey)
    return found.completed === 1 && found
  })
  check(stats.entered === 1 && stats.active === 0, 'journey stats: entered 1, active 0, completed 1', stats)
}

await runChecks(async () => {
  const api = new Api(url(), env('ROADBOOK_SECRET_KEY'))
  await everyCall(api)
  await oneCustomer(api)
  await retries(api)
  await reaction(api)
  check((await api.deadLetters(run)).length === 0, 'nothing of this run is in the dead letters')
})
