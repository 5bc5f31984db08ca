// What must hold of an installation's facts whatever was done to its processes: nothing doubled, nothing without its audit
// row, standings that follow from the facts. Everything is read from the tables, beside the program.
import { expect } from 'vitest'
import type { Installation } from '../../src/compose.ts'
import type { AuditRow, Override } from '../../src/ports.ts'
import { foresee } from '../../src/usecases/standing.ts'

/** The audit's rows of an action, all of them. */
export async function auditedAll({ core }: Installation, action: string): Promise<AuditRow[]> {
  const found: AuditRow[] = []
  for (let afterId = 0; ; afterId = found.at(-1)!.id) {
    const page = await core.store.audit.list({ action, afterId, limit: 1000 })
    found.push(...page)
    if (page.length < 1000) return found
  }
}

const twice = (values: readonly string[]): string[] => values.filter((value, at) => values.indexOf(value) !== at)

/** Overrides that are not lifted; nobody has two. */
export async function denied({ database }: Installation): Promise<string[]> {
  const open: Override[] = await database.knex('accessOverride').whereNull('liftedAt').select('accountId', 'memberId')
  const ids = open.map(({ accountId, memberId }) => accountId ?? memberId ?? '')
  expect(twice(ids), 'suspended twice').toEqual([])
  return ids
}

type Allocated = { paymentId: string; termId: string; cents: number }
type Paid = { id: string; payerId: string; bankLineId: string | null; cents: number }
type Line = { id: string; state: string; cents: number; bankRef: string; reference: string | null }
export type Books = { payments: Paid[]; lines: Line[] }

const sums = (rows: readonly Allocated[], of: 'paymentId' | 'termId'): Map<string, number> => {
  const found = new Map<string, number>()
  for (const row of rows) found.set(row[of], (found.get(row[of]) ?? 0) + row.cents)
  return found
}

/** The books as they are, where nothing was taken back; throws unless they agree with themselves, at any instant. */
export async function soundBooks({ database }: Installation): Promise<Books> {
  // One moment of all tables: others may be writing.
  return database.snapshot(async (knex) => {
    const payments: Paid[] = await knex('payment').select('id', 'payerId', 'bankLineId', 'cents')
    const allocations: Allocated[] = await knex('allocation').select('paymentId', 'termId', 'cents')
    const terms: { id: string; dueCents: number }[] = await knex('term').select('id', 'dueCents')
    const lines: Line[] = await knex('bankLine').select('id', 'state', 'cents', 'bankRef', 'reference')
    const receipts: { year: number; number: number; paymentId: string }[] = await knex('receipt')
      .orderBy('year')
      .orderBy('number')
      .select('year', 'number', 'paymentId')

    expect(twice(lines.map(({ bankRef }) => bankRef)), 'a line kept twice').toEqual([])
    const fromBank = payments.flatMap(({ bankLineId, cents }) =>
      bankLineId === null ? [] : [`${bankLineId} ${cents}`],
    )
    const matched = lines.flatMap(({ id, state, cents }) => (state === 'matched' ? [`${id} ${cents}`] : []))
    expect(fromBank.toSorted(), 'lines that paid, and matched lines').toEqual(matched.toSorted())
    const [paid, due] = [sums(allocations, 'paymentId'), sums(allocations, 'termId')]
    for (const { id, cents } of payments) expect(paid.get(id) ?? 0).toBeLessThanOrEqual(cents)
    for (const { id, dueCents } of terms) expect(due.get(id) ?? 0).toBeLessThanOrEqual(dueCents)
    for (const { cents } of allocations) expect(cents).toBeGreaterThan(0)
    expect(receipts.map(({ paymentId }) => paymentId).toSorted(), 'a receipt for each payment').toEqual(
      payments.map(({ id }) => id).toSorted(),
    )
    for (const ofYear of Map.groupBy(receipts, ({ year }) => year).values())
      expect(ofYear.map(({ number }) => number)).toEqual(ofYear.map((_, at) => at + 1))
    return { payments, lines }
  })
}

/** Each fact has one row of the audit, and each row its fact; the chain holds. */
export async function soundAudit(installation: Installation, suspended: readonly string[], books: Books) {
  const subjects = async (action: string) => (await auditedAll(installation, action)).map(({ subjectId }) => subjectId)
  expect((await subjects('access.suspended')).toSorted()).toEqual(suspended.toSorted())
  const recorded = await auditedAll(installation, 'payment.recorded')
  expect(recorded.map(({ payload }) => String(payload.paymentId)).toSorted()).toEqual(
    books.payments.map(({ id }) => id).toSorted(),
  )
  const files: string[] = await installation.database.knex('bankFile').pluck('id')
  expect((await subjects('statement.imported')).toSorted()).toEqual(files.toSorted())
  const together = await auditedAll(installation, 'access.suspended_together')
  expect(twice(together.flatMap(({ payload }) => payload.overrides as string[])), 'on two lists').toEqual([])
  const settled = await auditedAll(installation, 'access.settled')
  expect(twice(settled.map(({ subjectId, payload }) => `${subjectId} ${payload.since}`)), 'settled twice').toEqual([])
  expect((await installation.core.store.audit.verify()).brokenAt).toBeUndefined()
}

/** Every standing in force is what its facts say; how many there are of each. */
export async function soundStandings({ core, database }: Installation): Promise<Record<string, number>> {
  const ids: string[] = await database.knex('member').pluck('id')
  const counts: Record<string, number> = {}
  for (const id of ids) {
    const inForce = (await core.store.standings.get(id))!
    const { after } = await foresee(core, core.store, id, inForce.computedOn)
    expect(after).toEqual(inForce)
    counts[inForce.standing] = (counts[inForce.standing] ?? 0) + 1
  }
  return counts
}
