// Debian's Chromium, headless, for the tests that need a real browser. It reaches loopback only.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]

export const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true }
export const desktop = { viewport: { width: 1280, height: 860 } }

/** A browser with a profile of its own; `close` removes it. French unless told otherwise. */
export async function openChromium(options: BrowserContextOptions = desktop): Promise<BrowserContext> {
  const profile = mkdtempSync(join(tmpdir(), 'schedar-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    args: flags,
    headless: true,
    locale: 'fr-BE',
    timezoneId: 'Europe/Brussels',
    colorScheme: 'light',
    ...options,
  })
  context.once('close', () => rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
  return context
}
