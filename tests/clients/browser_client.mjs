// The real npm `@segment/analytics-next`, the library of browsers, in jsdom; README.md says how to run it.
// It asks for its settings first, then sends `text/plain` from another origin: the answers must allow that.

import { JSDOM } from 'jsdom'
import { Api, check, env, eventually, newRun, runChecks } from './api.mjs'

const run = newRun()
const named = (name) => `${name} ${run}`
const ORIGIN = 'https://shop.example.test'

/** A page of a shop, with the globals that the library looks for, and a `fetch` that checks CORS as a browser does. */
function browser(path, seen) {
  const send = globalThis.fetch
  const dom = new JSDOM('<!doctype html><title>Shop</title>', { url: `${ORIGIN}${path}`, pretendToBeVisual: true })
  const { window } = dom
  window.fetch = async (url, options = {}) => {
    const headers = { ...Object.fromEntries(new Headers(options.headers).entries()), origin: ORIGIN }
    const answer = await send(url, { ...options, headers })
    const allowed = answer.headers.get('access-control-allow-origin')
    seen.push({ url: String(url), type: headers['content-type'] ?? '', status: answer.status, allowed })
    if (allowed !== '*' && allowed !== ORIGIN) throw new TypeError('blocked by CORS')
    return answer
  }
  for (const name of ['window', 'document', 'navigator', 'location', 'localStorage', 'sessionStorage', 'XMLHttpRequest']) {
    const value = name === 'window' ? window : window[name]
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
  globalThis.self = window
  // The script itself asks the API with the other one.
  globalThis.fetch = window.fetch
  return send
}

await runChecks(async () => {
  const api = new Api(env('ROADBOOK_URL'), env('ROADBOOK_SECRET_KEY'))
  const host = env('ROADBOOK_URL')
  const seen = []
  const plainFetch = browser('/models/t1?utm_source=weibo&utm_medium=feed&utm_campaign=spring', seen)
  const { AnalyticsBrowser } = await import('@segment/analytics-next')
  const apiHost = `${host.replace(/^https?:\/\//, '')}/v1`
  const [analytics] = await AnalyticsBrowser.load(
    { writeKey: env('ROADBOOK_WRITE_KEY'), cdnURL: host },
    { integrations: { 'Segment.io': { apiHost, protocol: 'http' } } },
  )
  const visitor = analytics.user().anonymousId()
  const userId = `browser-${run}`
  await analytics.page('Models', 'T1')
  await analytics.track(named('Model Viewed'), { model: 'T-1' })
  await analytics.identify(userId, { city: 'Testville' })
  await analytics.track(named('Brochure Requested'))
  globalThis.fetch = plainFetch

  const id = await eventually('the customer has a profile', () => api.find('userId', userId))
  await eventually('the visitor is the customer', async () => (await api.find('anonymousId', visitor)) === id)
  const events = await eventually('four events', async () => {
    const found = await api.events(id)
    return found.length >= 4 && found
  })
  const names = events.map((one) => one.name).sort()
  const wanted = ['page', named('Model Viewed'), 'identify', named('Brochure Requested')].sort()
  check(names.join() === wanted.join(), 'what the visitor did is the customer\'s, each once', names)
  const settings = seen.filter((one) => one.url.includes('/settings'))
  check(settings.length === 1 && settings[0].status === 200, 'the library got its settings', seen)
  const sent = seen.filter((one) => /\/v1\/[pti]$/.test(one.url))
  check(sent.length === 4 && sent.every((one) => one.type.startsWith('text/plain')), 'four calls as text/plain', seen)
  check(seen.every((one) => one.status < 300 && one.allowed), 'every answer is for any origin', seen)
})
// The library keeps timers of its own; a page would be closed.
process.exit(process.exitCode ?? 0)
