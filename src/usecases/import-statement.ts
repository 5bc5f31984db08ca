// A bank's statement: read whole, shown before anything is written, then kept line by line. Lines that bear a reference of
// ours become payments at once; the others wait in an inbox with a suggestion. Twice imported is once imported.
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { type Match, match } from '../domain/matching.ts'
import { civilDate } from '../domain/time.ts'
import type { BankFile, BankLineRecord, Organisation, Stores } from '../ports.ts'
import { readBeside } from '../statements/reader.ts'
import type { BankLine, BankStatement, CsvMap, StatementFile } from '../statements/statement.ts'
import { paymentBy } from './bank-inbox.ts'
import { calledBy, callsOf, knownOf, nameOf, namesOf, payersOf } from './bank-known.ts'
import { organisationNamed } from './members.ts'
import { type PaymentGround, paymentGround, paymentOf, whyNot } from './payments.ts'
import { openPosting } from './posting.ts'
import { openResembling, type Resembling } from './resembling.ts'

export { isProblem, type Problem, type Remark } from '../statements/problems.ts'

/** Lines in one transaction: some ten milliseconds, so that nobody's sign-in waits for the treasurer. */
const AT_ONCE = 50
const DIGESTED_AT_ONCE = 1 << 20
const CURRENCY = 'EUR'

export type PlannedLine = {
  line: BankLine
  statement: BankStatement
  /** In another file, or in this one, already. */
  duplicate: boolean
  /** The line of another file that may tell of the same payment: a person decides. */
  resembles: BankLineRecord | undefined
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

const referenceOf = ({ reference }: BankLine): string | null => (reference?.kind === 'ogm' ? reference.value : null)
const lookedUp = ({ line }: { line: BankLine }) => ({ ...line, reference: referenceOf(line) })

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
    resemblesId: null,
    state: 'new',
    note: null,
    createdAt: core.clock.now(),
  }
}

/** SHA-256 of a file's bytes taken as characters (Latin-1), some milliseconds at a time. */
async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (let from = 0; from < bytes.length; from += DIGESTED_AT_ONCE) {
    hash.update(Buffer.from(bytes.subarray(from, from + DIGESTED_AT_ONCE)).toString('latin1'))
    await setImmediate()
  }
  return hash.digest('base64url')
}

const nobody: Match = { rule: 'none', payerId: null, sure: false }

async function plannedLines(
  core: Pick<Core, 'store' | 'clock'>,
  organisation: Organisation,
  file: StatementFile,
): Promise<PlannedLine[]> {
  const { store } = core
  const all = file.statements.flatMap((statement) => statement.lines.map((line) => ({ statement, line })))
  const keys = all.map(({ line }) => line.dedupeKey)
  const there = await store.bank.known(organisation.id, keys)
  const on = civilDate(core.clock.now(), organisation.timeZone)
  const owing = await namesOf(store, organisation.id)
  const resembling = await openResembling(store, {
    organisationId: organisation.id,
    lines: all.map(({ line }) => line),
    at: core.clock.now(),
  })
  const planned: PlannedLine[] = []
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const lines = all.slice(from, from + AT_ONCE)
    const known = await knownOf(store, organisation.id, lines.map(lookedUp), owing)
    const fresh = lines.filter(({ line }) => !there.has(line.dedupeKey)).map(({ line }) => line)
    const others = resembling.among(fresh)
    resembling.take(others)
    const like = new Map(fresh.map((line, at) => [line, others[at]]))
    for (const each of lines) {
      const { line } = each
      const duplicate = there.has(line.dedupeKey)
      there.add(line.dedupeKey)
      const resembles = duplicate ? undefined : like.get(line)
      const found = duplicate ? nobody : match(line, known(lookedUp(each)))
      const sure = found.sure && !resembles && !whyNot({ ...line, note: '' }, on)
      const payerName = await nameOf(store, owing, found)
      planned.push({ ...each, duplicate, resembles, match: { ...found, sure }, payerName })
    }
    await setImmediate()
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
    const file = await readBeside(bytes, {
      ...(map && { map }),
      ...(account && { account }),
      zone: organisation.timeZone,
    })
    checkAccounts(file, account, name)
    const fileDigest = await digestOf(bytes)
    return {
      organisation,
      name,
      digest: fileDigest,
      file,
      importedBefore: await core.store.bank.fileByDigest(organisation.id, fileDigest),
      lines: await plannedLines(core, organisation, file),
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
    const resembling = await openResembling(core.store, {
      organisationId: plan.organisation.id,
      lines: plan.lines.map(({ line }) => line),
      fileId: file.id,
      at: core.clock.now(),
    })
    const keeping = { file, ground, actor, resembling }
    for (let from = 0; from < plan.lines.length; from += AT_ONCE) {
      const batch = plan.lines.slice(from, from + AT_ONCE)
      const kept = await core.store.transaction((stores) => keepLines(core, stores, keeping, batch))
      resembling.take(kept.resembled)
      for (const what of ['added', 'duplicates', 'payments', 'inbox'] as const) report[what] += kept[what]
      core.wake()
      await setImmediate()
      onProgress?.(Math.min(from + AT_ONCE, plan.lines.length), plan.lines.length)
    }
    return report
  },
})

async function keepFile(core: Core, plan: StatementPlan, actor: Actor): Promise<BankFile> {
  return core.store.transaction(async (stores) => {
    // Before the look: of two who bring a file at once, the second finds it.
    await stores.audit.hold()
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

type Keeping = { file: BankFile; ground: PaymentGround; actor: Actor; resembling: Resembling }

async function keepLines(
  core: Core,
  stores: Stores,
  keeping: Keeping,
  batch: readonly PlannedLine[],
): Promise<StatementReport & { resembled: readonly (BankLineRecord | undefined)[] }> {
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
  const calls = await callsOf(
    stores,
    file.organisationId,
    fresh.map(({ line }) => referenceOf(line)),
  )
  const posting = await openPosting(core, stores, payersOf(calls), ground, 'import', actor)
  // Asked again too: somebody may have imported the same days in another format meanwhile.
  const lines = fresh.map(({ line }) => line)
  await keeping.resembling.refresh(stores, lines)
  const others = keeping.resembling.among(lines)
  const records = fresh.map((planned, at): BankLineRecord => {
    const resemblesId = (others[at] ?? planned.resembles)?.id ?? null
    const record = { ...recordOf(core, file, planned), resemblesId }
    if (resemblesId !== null) return record
    // What is sure is asked again: the call may have been settled or cancelled since the plan was shown.
    const known = calledBy(calls.get(referenceOf(planned.line) ?? ''), posting.open)
    if (!match(record, { payers: [], owing: [], ...known }).sure) return record
    const payment = paymentBy(record, known.called!.payerId, actor)
    if (whyNot(payment, ground.on)) return record
    posting.post(paymentOf(core, file.organisationId, payment))
    return { ...record, state: 'matched' }
  })
  await posting.write()
  await stores.bank.addLines(records)
  const payments = records.filter(({ state }) => state === 'matched').length
  const added = records.length
  return { added, duplicates: batch.length - added, payments, inbox: added - payments, resembled: others }
}
