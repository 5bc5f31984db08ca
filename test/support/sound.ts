// Whether everybody can use a page: WCAG 2.2 AA by axe, one heading, nothing wider than the window; on a phone and a desk, by
// day and by night.
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { desktop, phone } from './chromium.ts'

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Fails with the page's `name` and every element that stands in somebody's way. */
export async function sound(page: Page, name: string): Promise<void> {
  // Without frames there is nothing to gather in a page of its own, which is what takes axe longest.
  const { violations } = await new AxeBuilder({ page }).withTags(tags).setLegacyMode().analyze()
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
  const fits = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)
  if (!fits) found.push('scrolls sideways')
  const headings = await page.locator('h1').count()
  if (headings !== 1) found.push(`${headings} headings of the first level`)
  expect([name, ...found]).toEqual([name])
}

const looks = [
  ['phone', 'light', phone.viewport],
  ['desktop', 'dark', desktop.viewport],
] as const

/** Two looks have every width and every colour. `SHOTS=folder` keeps a picture of each. */
export async function soundInEachLook(page: Page, name: string, folder = process.env.SHOTS): Promise<void> {
  for (const [on, colorScheme, viewport] of looks) {
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme })
    if (folder) await page.screenshot({ path: `${folder}/${name.replace(/\W+/g, '-')}-${on}.png`, fullPage: true })
    await sound(page, `${name}, ${on}, ${colorScheme}`)
  }
}
