// The real npm `@rudderstack/rudder-sdk-node` against a running server; README.md says how to run it.
// It packs with gzip, says `application/x-www-form-urlencoded`, and sends no `timestamp` but `originalTimestamp`.

import RudderAnalytics from '@rudderstack/rudder-sdk-node'
import { Api, check, env, eventually, newRun, runChecks } from './api.mjs'

const run = newRun()
const named = (name) => `${name} ${run}`

async function everyCall(api, gzip) {
  const userId = `rudder-node-${run}-${gzip}`
  const client = new RudderAnalytics(env('ROADBOOK_WRITE_KEY'), { dataPlaneUrl: env('ROADBOOK_URL'), flushAt: 5, gzip })
  client.identify({ userId, traits: { city: 'Testville', budget: 250000 } })
  client.track({ userId, event: named('Model Viewed'), properties: { model: 'T-1' } })
  client.page({ userId, name: 'Overview' })
  client.screen({ userId, name: 'My Car' })
  client.group({ userId, groupId: `dealer-${run}`, traits: { name: 'Test Dealer' } })
  await new Promise((done, failed) => client.flush((error) => (error ? failed(error) : done())))
  const id = await eventually('a profile', () => api.find('userId', userId))
  const events = await eventually('five events', async () => {
    const found = await api.events(id)
    return found.length >= 5 && found
  })
  const seen = events.map((one) => one.name).sort()
  const wanted = ['identify', named('Model Viewed'), 'page', 'screen', 'group'].sort()
  check(seen.join() === wanted.join(), `gzip=${gzip}: every call is there once`, seen)
  const { traits } = await api.profile(id)
  check(traits.city === 'Testville' && traits.budget === 250000, 'the traits are there, with their types', traits)
}

await runChecks(async () => {
  const api = new Api(env('ROADBOOK_URL'), env('ROADBOOK_SECRET_KEY'))
  await everyCall(api, true)
  await everyCall(api, false)
})
