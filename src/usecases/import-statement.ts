// A bank's statement: read whole, shown before anything is written, then kept line by line. Lines that bear a reference of
// ours become payments at once; the others wait in an inbox with a suggestion. Twice imported is once imported.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'
import { type Known, type Match, match, type Named, withWords } from '../domain/matching.ts'
import type { BankFile, BankLineRecord, Organisation, Store, Stores } from '../ports.ts'
import {
  type BankLine,
  type BankStatement,
  type CsvMap,
  readStatement,
  type StatementFile,
} from '../statements/statement.ts'
import { organisationNamed } from './members.ts'
import { openTerms, type PayersTerm, type PaymentGround, paymentGround, receive } from './payments.ts'

/** Lines in one transaction: some ten milliseconds, so that nobody's sign-in waits for the treasurer. */
const AT_ONCE = 20
const CURRENCY = 'EUR'

export type PlannedLine = {
  line: BankLine
  statement: BankStatement
  /** In another file, or in this one, already. */
  duplicate: boolean
  match: Match
  payerName: string | null
}
export type StatementPlan = {
  organisation: Organisation
  name: string
  digest: string
  file: StatementFile
  /** This very file was imported before. */
  importedBefore: BankFile | undefined
  lines: PlannedLine[]
}

const refuse = (detail: string, why: 'account' | 'currency'): never => {
  throw new AppError('invalid_value', { field: 'file', detail, params: { why } })
}

/** A statement of another account or in another currency is refused whole, before anything of it is kept. */
function checkAccounts(file: StatementFile, iban: string | undefined, name: string): void {
  for (const { account, currency, lines } of file.statements) {
    if (currency !== CURRENCY || lines.some((line) => line.currency !== CURRENCY))
      refuse(`${name}: the account ${account} is in ${currency}; dues are in ${CURRENCY}`, 'currency')
    if (iban && account !== iban && !iban.endsWith(account))
      refuse(`${name}: a statement of ${account}, and dues are paid on ${iban}; nothing was kept`, 'account')
  }
}

/** What is known about a line beside itself; `owing` is looked up once for a whole file. */
async function knownOf(
  stores: Pick<Stores, 'bank' | 'calls' | 'dues' | 'standings'>,
  organisationId: string,
  line: { counterIban: string | null; reference: string | null },
  owing: readonly Named[],
): Promise<Known> {
  const called = await calledBy(stores, organisationId, line.reference)
  const payers = line.counterIban ? await stores.bank.payersOf(organisationId, line.counterIban) : []
  return { payers, owing, ...(called && { called }) }
}

/** The call under a reference, and what its payer still owes. */
async function calledBy(
  stores: Pick<Stores, 'calls' | 'dues' | 'standings'>,
  organisationId: string,
  reference: string | null,
): Promise<{ payerId: string; open: boolean; terms: PayersTerm[] } | undefined> {
  const call = reference === null ? undefined : await stores.calls.byOgm(reference)
  if (call?.organisationId !== organisationId) return undefined
  const terms = call.cancelledAt === null ? await openTerms(stores, call.payerId) : []
  return { payerId: call.payerId, open: terms.length > 0, terms }
}

const referenceOf = ({ reference }: BankLine): string | null => (reference?.kind === 'ogm' ? reference.value : null)

const clip = (text: string, most: number): string => text.slice(0, most)

function recordOf(
  core: Pick<Core, 'random' | 'clock'>,
  file: BankFile,
  { line, statement }: PlannedLine,
): BankLineRecord {
  return {
    id: core.random.uuid(),
    organisationId: file.organisationId,
    fileId: file.id,
    dedupeKey: line.dedupeKey,
    account: statement.account,
    statementNumber: statement.number,
    bookedOn: line.bookedOn,
    valueOn: line.valueOn,
    cents: line.cents,
    counterIban: line.counterIban && clip(line.counterIban, 64),
    counterName: line.counterName && clip(line.counterName, 140),
    reference: line.reference?.value ?? null,
    text: clip(line.text, 2000),
    bankRef: line.bankRef && clip(line.bankRef, 140),
    state: 'new',
    note: null,
    createdAt: core.clock.now(),
  }
}

async function plannedLines(store: Store, organisationId: string, file: StatementFile): Promise<PlannedLine[]> {
  const all = file.statements.flatMap((statement) => statement.lines.map((line) => ({ statement, line })))
  const there = await store.bank.known(
    organisationId,
    all.map(({ line }) => line.dedupeKey),
  )
  const owing = withWords(await store.payments.owing(organisationId))
  const names = new Map(owing.map(({ payerId, name }) => [payerId, name]))
  const planned: PlannedLine[] = []
  for (const { statement, line } of all) {
    const duplicate = there.has(line.dedupeKey)
    there.add(line.dedupeKey)
    const lookedUp = { counterIban: line.counterIban, reference: referenceOf(line) }
    const found = duplicate
      ? { rule: 'none' as const, payerId: null, sure: false }
      : match(line, await knownOf(store, organisationId, lookedUp, owing))
    const payerName =
      found.payerId && (names.get(found.payerId) ?? (await store.members.get(found.payerId))?.name ?? null)
    planned.push({ line, statement, duplicate, match: found, payerName })
  }
  return planned
}

export type StatementReport = { added: number; duplicates: number; payments: number; inbox: number }

export const importStatement = (core: Core) => ({
  /** Reads the file and says what it would do; writes nothing. Throws `invalid_value` with the line that is wrong. */
  async plan(
    bytes: Uint8Array,
    { name, map, organisation: named }: { name: string; map?: CsvMap; organisation?: string },
  ): Promise<StatementPlan> {
    const organisation = await organisationNamed(core.store, named)
    const account = (await core.store.dues.account(organisation.id))?.iban
    const file = readStatement(bytes, {
      ...(map && { map }),
      ...(account && { account }),
      zone: organisation.timeZone,
    })
    checkAccounts(file, account, name)
    const fileDigest = digest(Buffer.from(bytes).toString('latin1'))
    return {
      organisation,
      name,
      digest: fileDigest,
      file,
      importedBefore: await core.store.bank.fileByDigest(organisation.id, fileDigest),
      lines: await plannedLines(core.store, organisation.id, file),
    }
  },

  /** Keeps the lines and records the payments that are sure; cut off, it is finished by importing the file again. */
  async apply(
    plan: StatementPlan,
    { actor, onProgress }: { actor: Actor; onProgress?: (done: number, total: number) => void },
  ): Promise<StatementReport> {
    const file = await keepFile(core, plan, actor)
    const report: StatementReport = { added: 0, duplicates: 0, payments: 0, inbox: 0 }
    const ground = await paymentGround(core, core.store, plan.organisation.id)
    for (let from = 0; from < plan.lines.length; from += AT_ONCE) {
      const batch = plan.lines.slice(from, from + AT_ONCE)
      await core.store.transaction((stores) => keepLines(core, stores, { file, ground, actor }, batch, report))
      core.wake()
      onProgress?.(Math.min(from + AT_ONCE, plan.lines.length), plan.lines.length)
    }
    return report
  },
})

async function keepFile(core: Core, plan: StatementPlan, actor: Actor): Promise<BankFile> {
  return core.store.transaction(async (stores) => {
    const there = await stores.bank.fileByDigest(plan.organisation.id, plan.digest)
    if (there) return there
    const file: BankFile = {
      id: core.random.uuid(),
      organisationId: plan.organisation.id,
      digest: plan.digest,
      format: plan.file.format,
      name: clip(plan.name, 200),
      lineCount: plan.lines.length,
      importedAt: core.clock.now(),
      importedBy: actor,
    }
    await stores.bank.addFile(file)
    await audit(core, stores, {
      action: 'statement.imported',
      actor,
      subjectKind: 'bank_file',
      subjectId: file.id,
      payload: { name: file.name, format: file.format, lines: file.lineCount },
    })
    return file
  })
}

type Keeping = { file: BankFile; ground: PaymentGround; actor: Actor }

async function keepLines(
  core: Core,
  stores: Stores,
  keeping: Keeping,
  batch: readonly PlannedLine[],
  report: StatementReport,
): Promise<void> {
  const { file, ground, actor } = keeping
  // The audit first: it lets one at a time through, and no other import or payment gets in between.
  await audit(core, stores, {
    action: 'statement.lines_kept',
    actor,
    subjectKind: 'bank_file',
    subjectId: file.id,
    payload: { from: batch[0]!.line.line, lines: batch.length },
  })
  const there = await stores.bank.known(
    file.organisationId,
    batch.map(({ line }) => line.dedupeKey),
  )
  const fresh = batch.filter(({ line, duplicate }) => !duplicate && !there.has(line.dedupeKey))
  const records: BankLineRecord[] = []
  for (const planned of fresh) {
    const record = recordOf(core, file, planned)
    // What is sure is asked again: the call may have been settled or cancelled since the plan was shown.
    const called = await calledBy(stores, file.organisationId, referenceOf(planned.line))
    const { sure } = match(record, { payers: [], owing: [], ...(called && { called }) })
    if (sure) await payBy(core, stores, record, called!.payerId, actor, { ...ground, open: called!.terms })
    records.push(sure ? { ...record, state: 'matched' } : record)
  }
  await stores.bank.addLines(records)
  const paid = records.filter(({ state }) => state === 'matched').length
  report.added += records.length
  report.duplicates += batch.length - records.length
  report.payments += paid
  report.inbox += records.length - paid
}

/** Records a line's payment; the line is to be kept as matched by whoever calls this. */
async function payBy(
  core: Core,
  stores: Stores,
  line: BankLineRecord,
  payerId: string,
  actor: Actor,
  ground?: PaymentGround & { open?: PayersTerm[] },
): Promise<void> {
  const { id: bankLineId, cents, valueOn, text } = line
  const payment = { payerId, source: 'bank' as const, cents, valueOn, note: clip(text, 500), bankLineId, actor }
  await receive(core, stores, payment, 'import', ground)
}

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
      await payBy(core, stores, line, payerId, actor)
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
        payload: { note: clip(note, 500) },
      })
      await waitingLine(stores, lineId)
      await stores.bank.setState(lineId, 'ignored', clip(note, 500))
    })
  }

/** A line in the inbox with what it probably is. */
export type Suggested = { line: BankLineRecord; match: Match; payerName: string | null }

/** Whose payment a line probably is. */
export const suggestionFor =
  ({ store }: Pick<Core, 'store'>) =>
  async (line: BankLineRecord): Promise<Match> => {
    const owing = withWords(await store.payments.owing(line.organisationId))
    return match(line, await knownOf(store, line.organisationId, line, owing))
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
    const owing = withWords(await store.payments.owing(organisationId))
    const lines = await store.bank.lines({ organisationId, state: 'new', limit, offset })
    return Promise.all(
      lines.map(async (line) => {
        const found = match(line, await knownOf(store, organisationId, line, owing))
        const payerName = found.payerId && ((await store.members.get(found.payerId))?.name ?? null)
        return { line, match: found, payerName }
      }),
    )
  }
