// The association's own look: a logo and a style sheet from schedar.yaml are on every page, and can do nothing but look.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAssets } from '../../src/web/assets.ts'
import { open } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, startHouse } from '../support/house.ts'

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4"/></svg>'
const CSS = ':root { --accent: #7a1f5c; }'

let folder: string
let house: House
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-theme-'))
  writeFileSync(join(folder, 'logo.svg'), LOGO)
  writeFileSync(join(folder, 'own.css'), CSS)
  house = await startHouse({ config: { theme: { logo: join(folder, 'logo.svg'), css: join(folder, 'own.css') } } })
})
afterAll(async () => {
  await house.stop()
  rmSync(folder, { recursive: true, force: true })
})

const addressesIn = (html: string, pattern: RegExp): string[] =>
  [...html.matchAll(pattern)].map(([, address]) => address!)
const get = (path: string) => fetch(`${house.issuer}${path}`)

test('a page names the logo, and the own style after the house’s, which it overrules', async () => {
  const { text } = await open(house, createBrowser(), '/')
  const [logo] = addressesIn(text, /<img[^>]+src="(\/assets\/[^"]+\.svg)"/g)
  const styles = addressesIn(text, /<link rel="stylesheet" href="(\/assets\/[^"]+\.css)"/g)
  expect(await (await get(logo!)).text()).toBe(LOGO)
  expect(styles).toHaveLength(2)
  expect(await (await get(styles[0]!)).text()).toContain('--accent')
  expect(await (await get(styles[1]!)).text()).toBe(CSS)
})

test('an address holds the digest of what it gives: it is kept for ever, sniffed never, and runs nothing', async () => {
  const { text } = await open(house, createBrowser(), '/')
  for (const address of addressesIn(text, /(?:src|href)="(\/assets\/[^"]+)"/g)) {
    const { status, headers } = await get(address)
    expect([status, headers.get('cache-control')], address).toEqual([200, 'public, max-age=31536000, immutable'])
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*sandbox/)
  }
})

test.each(['/assets/none.css', '/assets/..%2f..%2fschedar.yaml', '/assets/', '/assets/__proto__'])(
  '%s is not there',
  async (path) => {
    expect((await get(path)).status).toBe(404)
  },
)

test('a theme that cannot be used stops the start, and says which file', async () => {
  expect(() => createAssets().add(join(folder, 'logo.gif'))).toThrow(
    expect.objectContaining({ code: 'invalid_value', detail: expect.stringContaining('logo.gif: a logo is a .svg') }),
  )
  const missing = join(folder, 'none.png')
  await expect(startHouse({ config: { theme: { logo: missing } } })).rejects.toMatchObject({
    code: 'invalid_value',
    detail: `${missing} cannot be read`,
  })
})
