// Civil dates. Instants are integer milliseconds (`_at`), civil dates ISO strings (`_on`); the only bridge is the
// association's time zone. No arithmetic on instants: a day of 23 or 25 hours must not move anybody's last day.

export type Instant = number
/** `YYYY-MM-DD` in the association's time zone. */
export type CivilDate = string

/** The civil date of an instant in an IANA time zone. */
export const civilDate = (at: Instant, zone: string): CivilDate =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDate().toString()

// Beyond these Temporal writes six digits and a sign, and dates would no longer be in order as strings. Somebody's
// «31 December 9999» for ever is such a neighbour.
const FIRST = '0000-01-01'
const LAST = '9999-12-31'
const written = (date: Temporal.PlainDate): CivilDate =>
  date.year < 0 ? FIRST : date.year > 9999 ? LAST : date.toString()

/** The date `days` later, or earlier if negative; never outside the years 0 to 9999. */
export const addDays = (on: CivilDate, days: number): CivilDate => written(Temporal.PlainDate.from(on).add({ days }))

/** The later of two days. */
export const laterOf = (one: CivilDate, other: CivilDate): CivilDate => [one, other].toSorted()[1]!

/**
 * The inclusive last day of `months` counted from `startOn`: the day before the anniversary. Where the anniversary
 * does not exist (29 February + 12 months, 31 January + 1 month) the clamped day itself is the last day.
 */
export function lastDay(startOn: CivilDate, months: number): CivilDate {
  const start = Temporal.PlainDate.from(startOn)
  const anniversary = start.add({ months })
  return written(anniversary.day === start.day ? anniversary.subtract({ days: 1 }) : anniversary)
}

/** True for a real date written `YYYY-MM-DD`; 30 February is not one. */
export function isCivilDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  try {
    return Temporal.PlainDate.from(text, { overflow: 'reject' }).toString() === text
  } catch {
    return false
  }
}

/** The instant at which a civil date begins in a time zone. */
export const startOfDay = (on: CivilDate, zone: string): Instant =>
  Temporal.PlainDate.from(on).toZonedDateTime(zone).epochMilliseconds
