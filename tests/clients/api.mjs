// Everything the Node script knows about the product's API and the simulator's: the twin of api.py.

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

const PATIENCE_S = 20
const POLL_MS = 50

/** A check that did not hold; the text is for the person reading the log. */
export class Failed extends Error {}

/** Prints one line for a check that holds, throws for one that does not. */
export function check(holds, text, detail) {
  if (!holds) throw new Failed(detail === undefined ? text : `${text}: ${JSON.stringify(detail).slice(0, 2000)}`)
  console.log(`ok    ${text}`)
}

/** Runs a script's checks; the process ends with 1 and a readable line at the first that fails. */
export async function runChecks(main) {
  try {
    await main()
    console.log('done  every check held')
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    console.log(`FAIL  ${error.message}`)
    process.exit(1)
  }
}

/** A required setting from the environment. */
export function env(name) {
  const value = process.env[name]
  if (!value) throw new Failed(`the environment variable ${name} is not set; README.md beside this file lists them`)
  return value
}

/** A token that makes the names of this run unlike those of every other run on the same server. */
export function newRun() {
  return randomUUID().replaceAll('-', '').slice(0, 12)
}

/** Reads a JSON fixture; `${key}` anywhere in it becomes the value given for key. */
export function fixture(name, values) {
  let text = readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')
  for (const [key, value] of Object.entries(values)) text = text.replaceAll(`\${${key}}`, value)
  return JSON.parse(text)
}

/** Polls until `probe` gives something true, and gives that back: the server is another process. */
export async function eventually(text, probe, patienceS = PATIENCE_S) {
  const deadline = performance.now() + patienceS * 1000
  for (;;) {
    let reason = ''
    try {
      const value = await probe()
      if (value) return value
    } catch (error) {
      if (!(error instanceof Failed)) throw error
      reason = ` (${error.message})`
    }
    if (performance.now() > deadline) throw new Failed(`${text}: not within ${patienceS} s${reason}`)
    await pause(POLL_MS)
  }
}

/** Polls for `seconds` and fails at the first moment `probe` is not true; it gives [holds, detail]. */
export async function holdsFor(seconds, text, probe) {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const [holds, detail] = await probe()
    if (!holds) throw new Failed(`${text}: ${JSON.stringify(detail).slice(0, 2000)}`)
    if (performance.now() > deadline) return
    await pause(POLL_MS)
  }
}

async function request(method, url, body, headers = {}) {
  let answer, text
  try {
    answer = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    text = await answer.text()
  } catch (error) {
    throw new Failed(`${method} ${url}: no answer (${error.cause?.message ?? error.message})`)
  }
  try {
    return [answer.status, JSON.parse(text)]
  } catch {
    return [answer.status, text]
  }
}

/** The product's API under a secret key. */
export class Api {
  constructor(url, secretKey) {
    this.url = url.replace(/\/$/, '')
    this.headers = { authorization: `Bearer ${secretKey}` }
  }

  /** Any call: [status, body]. */
  call(method, path, body) {
    return request(method, this.url + path, body, this.headers)
  }

  /** A call that must answer with `status`; gives its body. */
  async expect(status, method, path, body) {
    const [found, answer] = await this.call(method, path, body)
    if (found !== status) {
      throw new Failed(`${method} ${path} answered ${found}, expected ${status}: ${JSON.stringify(answer).slice(0, 2000)}`)
    }
    return answer
  }

  /** Creates and publishes a segment; gives its id. */
  publishSegment(body) {
    return this.#createAndPublish('/v1/segments', body)
  }

  /** Creates and publishes a journey; gives its id. */
  publishJourney(body) {
    return this.#createAndPublish('/v1/journeys', body)
  }

  async #createAndPublish(path, body) {
    const { id } = await this.expect(201, 'POST', path, body)
    const [status, answer] = await this.call('POST', `${path}/${id}/publish`)
    if (status !== 200 && status !== 202) {
      throw new Failed(`POST ${path}/${id}/publish answered ${status}: ${JSON.stringify(answer).slice(0, 2000)}`)
    }
    return id
  }

  /** Counts of one journey: entered, active, completed, nodes. */
  journeyStats(journey) {
    return this.expect(200, 'GET', `/v1/journeys/${journey}/stats`)
  }

  /** The profile id behind an identifier, or null when nobody has it. */
  async find(kind, value) {
    const [status, answer] = await this.call('GET', `/v1/profiles/lookup?key=${encodeURIComponent(`${kind}:${value}`)}`)
    if (status === 404) return null
    if (status !== 200) throw new Failed(`lookup of a ${kind} answered ${status}: ${JSON.stringify(answer).slice(0, 2000)}`)
    return answer.id
  }

  /** One profile: id, traits, tags, segments, journeys, identifiers. */
  profile(profileId) {
    return this.expect(200, 'GET', `/v1/profiles/${profileId}`)
  }

  /** Whether the profile is a member of the segment now. */
  async inSegment(profileId, segment) {
    return JSON.stringify((await this.profile(profileId)).segments).includes(segment)
  }

  /** The events of the timeline, oldest first, all pages; fails when the pages are not in one order of time. */
  async events(profileId) {
    const rows = []
    let cursor = null
    for (;;) {
      const after = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page = await this.expect(200, 'GET', `/v1/profiles/${profileId}/timeline?limit=50${after}`)
      rows.push(...page.data)
      if (!page.has_more) break
      if (page.next_cursor === cursor) throw new Failed('timeline: has_more is true, but next_cursor does not move')
      cursor = page.next_cursor
    }
    const times = rows.map((row) => row.occurred_at)
    const sorted = [...times].sort()
    if (times.join() === [...sorted].reverse().join()) rows.reverse()
    else if (times.join() !== sorted.join()) throw new Failed(`timeline: not in order of occurred_at: ${times}`)
    return rows.filter((row) => row.type === 'event').map(event)
  }

  /** The dead letters that contain `text`, newest page only. */
  async deadLetters(text) {
    const page = await this.expect(200, 'GET', '/v1/dead-letters?limit=200')
    return page.data.filter((row) => JSON.stringify(row).includes(text))
  }
}

/** One timeline row in the words of these scripts. */
function event(row) {
  return {
    type: row.event_type ?? row.kind,
    name: row.name ?? row.event,
    message_id: row.message_id,
    at: row.occurred_at,
  }
}

/** How often an event of this name stands in a timeline. */
export function count(events, name) {
  return events.filter((one) => one.name === name).length
}

/** The call log of the platform simulator. */
export class Simulator {
  constructor(url) {
    this.url = url.replace(/\/$/, '')
  }

  /** The calls that contain `text`, whatever became of them, in the order they came in. */
  async calls(text) {
    const [status, answer] = await request('GET', `${this.url}/_control/calls`)
    if (status !== 200) throw new Failed(`the simulator's call log answered ${status}`)
    return (Array.isArray(answer) ? answer : answer.calls).filter((row) => JSON.stringify(row).includes(text))
  }

  /** Those of `calls` the platform accepted as a message, also if it then swallowed it as a repetition. */
  async taken(text) {
    return (await this.calls(text)).filter((row) => row.delivered || row.deduplicated)
  }

  /** Those of `calls` that reached a person. */
  async delivered(text) {
    return (await this.calls(text)).filter((row) => row.delivered)
  }
}
