// The inbox of the bank: lines that nobody could place for sure. A person says whose payment one is, or that it has nothing
// to do with dues.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { type Match, match } from '../domain/matching.ts'
import type { BankLineRecord, Stores } from '../ports.ts'
import { knownOf, nameOf, namesOf } from './bank-known.ts'
import { organisationNamed } from './members.ts'
import { type NewPayment, receive } from './payments.ts'

const LONGEST_NOTE = 500

/** A line's payment, by a payer. */
export const paymentBy = (
  { id: bankLineId, cents, valueOn, text }: BankLineRecord,
  payerId: string,
  actor: Actor,
): NewPayment => ({ payerId, source: 'bank', cents, valueOn, note: text.slice(0, LONGEST_NOTE), bankLineId, actor })

async function waitingLine(stores: Stores, lineId: string): Promise<BankLineRecord> {
  const line = await stores.bank.line(lineId)
  if (!line) throw new AppError('not_found', { detail: 'there is no such line' })
  if (line.state !== 'new') throw new AppError('conflict', { detail: 'somebody has said already what this line is' })
  return line
}

/** A person says whose payment a line is. Of two who say it at once, one is told so. */
export const matchLine =
  (core: Core) =>
  async ({ lineId, payerId, actor }: { lineId: string; payerId: string; actor: Actor }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      await audit(core, stores, {
        action: 'bank_line.matched',
        actor,
        subjectKind: 'bank_line',
        subjectId: lineId,
        payload: { payerId },
      })
      const line = await waitingLine(stores, lineId)
      if (line.cents <= 0)
        throw new AppError('invalid_value', {
          detail: 'this money left the account; take the payment back that it returns',
        })
      if ((await stores.members.get(payerId))?.organisationId !== line.organisationId)
        throw new AppError('not_found', { field: 'payer', detail: 'there is no such payer' })
      await receive(core, stores, paymentBy(line, payerId, actor), 'import')
      await stores.bank.setState(line.id, 'matched', null)
    })
    core.wake()
  }

/** A line that has nothing to do with dues. */
export const ignoreLine =
  (core: Core) =>
  async ({ lineId, note, actor }: { lineId: string; note: string; actor: Actor }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      await audit(core, stores, {
        action: 'bank_line.ignored',
        actor,
        subjectKind: 'bank_line',
        subjectId: lineId,
        payload: { note: note.slice(0, LONGEST_NOTE) },
      })
      await waitingLine(stores, lineId)
      await stores.bank.setState(lineId, 'ignored', note.slice(0, LONGEST_NOTE))
    })
  }

/** A line in the inbox with what it probably is. */
type Suggested = { line: BankLineRecord; match: Match; payerName: string | null }

/** Whose payment a line probably is. */
export const suggestionFor =
  ({ store }: Pick<Core, 'store'>) =>
  async (line: BankLineRecord): Promise<Match> => {
    const owing = await namesOf(store, line.organisationId)
    return match(line, (await knownOf(store, line.organisationId, [line], owing))(line))
  }

export const inbox =
  (core: Pick<Core, 'store'>) =>
  async ({
    organisation: named,
    limit = 50,
    offset = 0,
  }: {
    organisation?: string
    limit?: number
    offset?: number
  }): Promise<Suggested[]> => {
    const { store } = core
    const { id: organisationId } = await organisationNamed(store, named)
    const owing = await namesOf(store, organisationId)
    const lines = await store.bank.lines({ organisationId, state: 'new', limit, offset })
    const known = await knownOf(store, organisationId, lines, owing)
    return Promise.all(
      lines.map(async (line) => {
        const found = match(line, known(line))
        return { line, match: found, payerName: await nameOf(store, owing, found) }
      }),
    )
  }
