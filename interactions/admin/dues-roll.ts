// Who is in which standing and what they owe, as a file for a spreadsheet.
import { Readable } from 'node:stream'
import type Router from '@koa/router'
import type { Desk } from '../desk.ts'
import { csvOf } from './csv.ts'
import { treasury } from './dues-parts.ts'
import type { Staff } from './frame.ts'
import { rolesFor } from './rights.ts'

const PATH = '/admin/dues/export'
const BATCH = 500
const columns = ['number', 'name', 'email', 'standing', 'covered_until', 'tariff', 'paid_by', 'owed_eur'] as const

async function* roll({ core: { store } }: Desk, organisationId: string): AsyncGenerator<string> {
  yield csvOf([columns])
  for (let offset = 0; ; offset += BATCH) {
    const rows = await store.books.roll(organisationId, offset, BATCH)
    yield csvOf(
      rows.map(({ memberNumber, name, email, standing, coveredUntilOn, tariff, payerNumber, cents }) => [
        memberNumber,
        name,
        email ?? '',
        standing,
        coveredUntilOn ?? '',
        tariff ?? '',
        payerNumber ?? '',
        (cents / 100).toFixed(2),
      ]),
    )
    if (rows.length < BATCH) return
  }
}

/** Who took it along is noted: it is everybody's name, address and debts. */
export function mountRoll(
  router: Router,
  desk: Desk,
  note: (staff: Staff, organisationId: string) => Promise<void>,
): void {
  router.get(PATH, async (ctx) => {
    const staff = await desk.house.guardStaff(ctx, rolesFor(PATH, 'read'))
    if (ctx.response.get('location')) return
    const { id } = await treasury(desk)
    await note(staff, id)
    ctx.type = 'text/csv; charset=utf-8'
    ctx.set('content-disposition', 'attachment; filename="dues.csv"')
    ctx.set('cache-control', 'no-store')
    ctx.set('content-security-policy', "default-src 'none'; sandbox")
    ctx.body = Readable.from(roll(desk, id))
  })
}
