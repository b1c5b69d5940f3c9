// What a person does with the console, in a real browser. The names of things are this run's own, so a server can be
// used again and again.

import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { api, batch, eventually, setUp } from './world.mjs'

const run = randomUUID().slice(0, 8)
const phone = `138000${String(Math.floor(Math.random() * 100_000)).padStart(5, '0')}`
const url = process.env.ROADBOOK_URL
const narrow = { width: 390, height: 844 }
const wide = { width: 1280, height: 900 }
const pictures = process.env.SCREENSHOTS

function check(holds, text, detail = '') {
  if (!holds) {
    console.log(`FAIL  ${text} ${detail}`)
    process.exit(1)
  }
  console.log(`ok    ${text}`)
}

const world = await setUp(run, phone)
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
})
const context = await browser.newContext({ viewport: wide, locale: 'zh-CN' })
const page = await context.newPage()
const complaints = []
const addresses = []
page.on('pageerror', (error) => complaints.push(error.message))
page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
page.on('request', (request) => addresses.push(request.url()))

/** What holds on every page. */
async function look(name) {
  for (const size of [narrow, wide]) {
    await page.setViewportSize(size)
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    check(over <= 0, `${name} fits ${size.width} px`, `${over} px too wide`)
    if (pictures) {
      mkdirSync(pictures, { recursive: true })
      await page.screenshot({ path: join(pictures, `${name}-${size.width}.png`), fullPage: true })
    }
  }
  if (pictures) {
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.screenshot({ path: join(pictures, `${name}-dark.png`), fullPage: true })
    await page.emulateMedia({ colorScheme: 'light' })
  }
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll('input:not([type=hidden]), textarea, button')]
      .filter((field) => !(field.labels?.length || field.textContent.trim() || field.ariaLabel))
      .map((field) => field.outerHTML))
  check(unnamed.length === 0, `${name}: every field has a label`, unnamed.join('\n'))
  check((await page.locator('h1').count()) === 1, `${name} has one heading`)
}

// Somebody follows a link, signs in, and is where the link led.
await page.goto(`${url}/console/letters?status=all`)
check(page.url().includes('/console/sign-in?next='), 'a stranger is asked to sign in')
check((await page.title()).includes('Roadbook'), 'the page has a title')
await look('sign-in')
await page.getByLabel('账号').fill(world.person.login)
await page.getByLabel('密码').fill(world.person.password)
await page.getByRole('button', { name: '登录', exact: true }).click()
check(page.url() === `${url}/console/letters?status=all`, 'and comes to where the link led', page.url())
const cookie = (await context.cookies()).find((one) => one.name === 'roadbook_session')
check(cookie.httpOnly && cookie.sameSite === 'Strict' && cookie.path === '/console', 'the cookie is strict')

// By phone number to the customer, and to the reason of each message.
await page.goto(`${url}/console`)
check((await page.locator('header').innerText()).includes('Test Operator'), 'the page says who is signed in')
await look('home')
await page.getByLabel('查找客户').fill(phone)
await page.keyboard.press('Enter')
await page.waitForURL(/\/console\/customers\/cus_/)
check((await page.content()).includes('留资'), 'the phone number leads to the customer')
await look('customer')
const messages = page.locator('section', { has: page.getByRole('heading', { name: '消息', exact: true }) })
await messages.locator('li', { hasText: '未发送' }).getByRole('link', { name: '为什么' }).first().click()
check((await page.locator('main').innerText()).includes('未发送'), 'the reason why a message was not sent is a sentence')
await look('why-not')
await page.goBack()
await messages.locator('li', { hasText: '已发送' }).getByRole('link', { name: '为什么' }).first().click()
check((await page.locator('main').innerText()).includes('已发送'), 'and the reason why one was sent')
await look('why')

// The other language, which stays.
await page.getByRole('link', { name: 'English' }).click()
check((await page.locator('html').getAttribute('lang')) === 'en', 'the page changes its language')
check(/was (not )?sent|Sent/i.test(await page.locator('main').innerText()), 'the sentence too')
await page.goto(`${url}/console/journeys/${world.journey}`)
check((await page.locator('svg g.node').count()) === 4, 'a journey is a picture')
await look('journey')
for (const [name, path] of [
  ['customers', '/customers'], ['customers-of-segment', `/customers?segment=${world.segment}`], ['segments', '/segments'], ['segment', `/segments/${world.segment}`], ['journeys', '/journeys'],
  ['waiting', `/journeys/${world.journey}/nodes/drive`], ['timeline', `/customers/${world.customer}/timeline`], ['identity', '/identity'], ['letters', '/letters'],
  ['why-segment', `/customers/${world.customer}/why/segments/${world.segment}`],
  ['why-journey', `/customers/${world.customer}/why/journeys/${world.journey}`],
]) {
  await page.goto(`${url}/console${path}`)
  check((await page.locator('html').getAttribute('lang')) === 'en', `${name} is in English`)
  await look(name)
}

// A dead letter: refused once more with its place, then put right.
await page.goto(`${url}/console/letters/${world.letter}`)
await look('letter')
const event = page.getByLabel('The event (JSON)')
const shown = JSON.parse(await event.inputValue())
check(!JSON.stringify(shown).includes(phone), 'the phone number in it is masked')
await event.fill(JSON.stringify({ ...shown, type: 'track' }))
await page.getByRole('button', { name: 'Save and send again' }).click()
check((await page.locator('.refusal').innerText()).includes('/event'), 'what is still wrong is told with its place')
check((await event.inputValue()).includes('track'), 'and what was written is still there')
complaints.splice(0) // a refusal is a 422, which the browser notes as an error of the page
await event.fill(JSON.stringify({ ...shown, event: `put_right_${run}` }, null, 2))
await page.getByRole('button', { name: 'Save and send again' }).click()
await page.waitForURL(/done=replayed/)
const timeline = await eventually('the event that was put right', async () => {
  const found = await api('GET', `/v1/profiles/${world.customer}/timeline?limit=100`)
  return found.data.find((line) => line.name === `put_right_${run}`)
})
check(timeline.type === 'event', 'the event that was put right is in the timeline')

// Events appear while somebody watches.
await page.goto(`${url}/console/live`, { waitUntil: 'domcontentloaded' })
await batch([{ type: 'track', userId: `u-${run}`, event: `watched_${run}` }])
await page.getByText(`watched_${run}`).waitFor({ timeout: 20_000 })
check(true, 'an event appears on the page that watches')
await look('live')

await page.getByRole('button', { name: 'Sign out' }).click()
await page.goto(`${url}/console`)
check(page.url().includes('/console/sign-in'), 'whoever signed out is a stranger again')

check(complaints.length === 0, 'no page complained', complaints.join('\n'))
check(addresses.every((address) => address.startsWith(`${url}/`) || address.startsWith('data:')), 'nothing was loaded from elsewhere')
check(addresses.every((address) => !address.includes(phone)), 'the phone number stood in no address')
await browser.close()
console.log('done  every check held')
