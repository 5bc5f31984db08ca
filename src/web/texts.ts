// Every sentence a person reads, in French, Dutch, English and German: JSON catalogues that translators can work on.
// French is the first language; its keys are the type of all others.
import i18next, { type TFunction } from 'i18next'
import de from '../../interactions/texts/de.json' with { type: 'json' }
import en from '../../interactions/texts/en.json' with { type: 'json' }
import fr from '../../interactions/texts/fr.json' with { type: 'json' }
import nl from '../../interactions/texts/nl.json' with { type: 'json' }
import type { CivilDate, Instant } from '../domain/time.ts'
import { type Locale, locales } from '../ports.ts'

export type TextKey = keyof typeof fr
export type Texts = {
  locale: Locale
  /** The sentence; parameters are put in as they are (pages escape the whole). */
  t(key: TextKey, params?: Record<string, string | number>): string
  /** 31 décembre 2026. */
  day(on: CivilDate): string
  /** 1 234,50 €. */
  money(cents: number): string
  /** 31 décembre 2026 à 14:05, in the association's time zone. */
  moment(at: Instant, zone: string): string
  /** 31 déc. 2026, 14:05, for tables. */
  short(at: Instant, zone: string): string
}

const catalogues: Record<Locale, Record<TextKey, string>> = { fr, nl, en, de }

/** Belgian habits of writing; `dateStyle` would give a year of two digits. */
const region: Record<Locale, string> = { fr: 'fr-BE', nl: 'nl-BE', en: 'en-BE', de: 'de-BE' }

/** Money is written by other habits than dates. */
const coins: Record<Locale, string> = { fr: 'fr-BE', nl: 'nl-BE', en: 'en-IE', de: 'de-DE' }

const instance = i18next.createInstance()
void instance.init({
  resources: Object.fromEntries(Object.entries(catalogues).map(([locale, translation]) => [locale, { translation }])),
  fallbackLng: 'fr',
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false },
  initAsync: false,
})

const long: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'long', year: 'numeric' }
const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' }

/** What a clock on the wall shows: it is written without a zone, so that one formatter does for all zones. */
const civilTime = (at: Instant, zone: string): Temporal.PlainDateTime =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDateTime()

/** Intl writes 1 mars where French says le 1er mars. */
const ordinal = (locale: Locale, date: string): string => (locale === 'fr' ? date.replace(/^1 /, '1er ') : date)

/** What formats days, moments and money is made once for each language: making it takes longer than a page of members. */
function spoken(locale: Locale): Texts {
  const translate: TFunction = instance.getFixedT(locale)
  const days = new Intl.DateTimeFormat(region[locale], long)
  const moments = new Intl.DateTimeFormat(region[locale], { ...long, ...time })
  const shorts = new Intl.DateTimeFormat(region[locale], { ...long, month: 'short', ...time })
  const euros = new Intl.NumberFormat(coins[locale], { style: 'currency', currency: 'EUR' })
  return {
    locale,
    t: (key, params) => translate(key as string, params ?? {}) as string,
    day: (on) => ordinal(locale, days.format(Temporal.PlainDate.from(on))),
    money: (cents) => euros.format(cents / 100),
    moment: (at, zone) => ordinal(locale, moments.format(civilTime(at, zone))),
    short: (at, zone) => ordinal(locale, shorts.format(civilTime(at, zone))),
  }
}

const texts: Record<Locale, Texts> = { fr: spoken('fr'), nl: spoken('nl'), en: spoken('en'), de: spoken('de') }

/** The texts of a language. */
export const textsOf = (locale: Locale): Texts => texts[locale]

export const isLocale = (text: string | undefined): text is Locale => locales.some((locale) => locale === text)

/** The first language of an Accept-Language header (RFC 9110 §12.5.4) or of `ui_locales` that is spoken here. */
export function preferred(header: string): Locale | undefined {
  return header
    .split(/[,\s]+/)
    .map((part) => {
      const [tag = '', ...rest] = part.split(';')
      const weight = Number(/q=([\d.]+)/.exec(rest.join(';'))?.[1] ?? 1)
      return { locale: tag.slice(0, 2).toLowerCase(), weight }
    })
    .filter(({ locale, weight }) => isLocale(locale) && weight > 0)
    .toSorted((a, b) => b.weight - a.weight)
    .map(({ locale }) => locale as Locale)[0]
}
