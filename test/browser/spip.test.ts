// What people see on a SPIP site in a real browser: the login page with its button, in the single door, with the rescue
// door open; a refusal; and the webmaster's settings page.
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { giveToApache } from '../support/apache.ts'
import { openChromium, phone } from '../support/chromium.ts'
import { WHO } from '../support/provider.ts'
import { type SpipSso, startSpipSso } from '../support/spip-sso.ts'

let sso: SpipSso
let context: BrowserContext
let page: Page

beforeAll(async () => {
  sso = await startSpipSso()
  for (const [sub, roles] of [
    ['wendy', ['webmestre']],
    ['carol', ['redacteur']],
    ['nina', []],
  ] as const)
    sso.provider.addAccount(sub, { roles: [...roles] })
  await sso.site.sql(
    "insert into spip_auteurs (nom, login, email, statut, webmestre, source, pass) values ('Carole', 'carol', 'c@old.example', '1comite', 'non', 'spip', 'x')",
  )
  context = await openChromium()
  page = await context.newPage()
  page.setDefaultTimeout(60_000)
})
afterAll(async () => {
  await context?.close()
  await sso.stop()
})

const sitAs = (sub: string) => context.addCookies([{ name: WHO, value: sub, url: sso.provider.issuer }])
const shot = async (name: string): Promise<void> => {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true })
}
const login = () => page.goto(`${sso.site.url}/ecrire/`)

test('the login page: the button is seen without scrolling, above the password, and leads in', async () => {
  await login()
  const button = page.locator('a.schedar-bouton')
  const [above, below] = [await button.boundingBox(), await page.locator('#var_login').boundingBox()]
  expect(above!.y + above!.height).toBeLessThan(below!.y)
  expect(above!.y + above!.height).toBeLessThan(860)
  await shot('spip-login')
  await sitAs('wendy')
  await button.click()
  await page.waitForURL(`${sso.site.url}/ecrire/**`)
  expect(await page.content()).toContain('action=logout')
})

test('the settings page: the state as a table with headings, the test’s findings, who may be one person', async () => {
  await context.clearCookies()
  await sitAs('carol')
  await page.goto(sso.start())
  await page.goto(`${sso.site.url}/ecrire/?exec=infos_perso`)
  await page.locator('.formulaire_schedar_reprendre').scrollIntoViewIfNeeded()
  await shot('spip-old-author')
  await context.clearCookies()
  await sitAs('wendy')
  await page.goto(sso.start())
  await page.goto(`${sso.site.url}/ecrire/?exec=configurer_schedar`)
  await page.locator('.formulaire_schedar_etat input.submit').click()
  await page.locator('table.schedar-essais').waitFor()
  expect(await page.locator('.schedar-essais').innerText()).toContain('En ordre.')
  expect(await page.locator('.schedar-etat th[scope=row]').count()).toBeGreaterThan(8)
  expect(await page.locator('.schedar-jumeaux').innerText()).toContain('Carole (carol)')
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  await shot('spip-settings')
})

test('the single door, the rescue door and a refusal, also on a phone', async () => {
  await context.clearCookies()
  await sitAs('nina')
  await page.goto(sso.start())
  expect(await page.locator('body').innerText()).toContain('pas de rôle sur ce site')
  await shot('spip-refused')
  await sso.site.configure({ _SCHEDAR_SEUL: true })
  await login()
  expect(await page.locator('input[type=password]').count()).toBe(0)
  await shot('spip-single-door')
  const file = join(sso.site.root, 'config/schedar-secours.php')
  await writeFile(file, `<?php return '${crypto.randomUUID()}';\n`)
  await chmod(file, 0o600)
  await giveToApache(file)
  await page.setViewportSize(phone.viewport)
  await login()
  expect(await page.locator('input[type=password]').count()).toBe(1)
  expect(await page.locator('.schedar-secours').innerText()).toContain('porte de secours')
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  await shot('spip-rescue-phone')
})
