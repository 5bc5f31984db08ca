// How much a site sent and was asked for, in words.
import type { Texts } from '../src/web/texts.ts'

const MEGABYTE = 1_000_000

/** In megabytes, as hosts count them: 1,000,000 bytes. */
export const megabytes = ({ locale, t }: Texts, bytes: number): string => {
  const value = bytes / MEGABYTE
  const digits = value > 0 && value < 10 ? 1 : 0
  return t('traffic.megabytes', {
    size: new Intl.NumberFormat(`${locale}-BE`, { maximumFractionDigits: digits }).format(value),
  })
}

export const counted = ({ locale }: Pick<Texts, 'locale'>, count: number): string =>
  new Intl.NumberFormat(`${locale}-BE`).format(count)
