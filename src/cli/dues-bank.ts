// schedar dues import-statement, inbox, match, ignore: what the bank says arrived.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { AppError } from '../domain/errors.ts'
import { formatOgm } from '../domain/references.ts'
import type { BankLineRecord } from '../ports.ts'
import { ignoreLine, inbox, matchLine } from '../usecases/bank-inbox.ts'
import { importStatement, type PlannedLine, type StatementPlan } from '../usecases/import-statement.ts'
import { parseStatementMap, savedStatementMap, saveStatementMap } from '../usecases/statement-maps.ts'
import { exit, type Io, memberNumbered, type Register, withInstallation } from './io.ts'

const LARGEST_FILE = 64 * 1024 * 1024

function readFile(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path)
    if (bytes.length > LARGEST_FILE) throw new AppError('invalid_value', { detail: `${path} is larger than 64 MB` })
    return bytes
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new AppError('import_unreadable', {
      detail: `${path}: ${missing ? 'there is no such file' : 'cannot be read'}`,
      cause,
    })
  }
}

const euros = (cents: number): string => (cents / 100).toFixed(2)
/** A line that is here, by what tells it apart. */
const described = ({ id, valueOn, cents, counterName }: BankLineRecord): string =>
  [`line ${id}`, valueOn, euros(cents), counterName].filter(Boolean).join(', ')
const outcome = ({ duplicate, resembles, match, payerName, line }: PlannedLine): string => {
  if (duplicate) return 'there already'
  if (resembles) return `inbox: looks like ${described(resembles)}`
  if (line.cents <= 0) return 'inbox: money that left'
  if (match.sure) return `payment of ${payerName}`
  return match.payerId ? `inbox: perhaps ${payerName} (${match.rule})` : 'inbox'
}

function showPlan(io: Io, plan: StatementPlan): void {
  const { file, lines, importedBefore } = plan
  if (importedBefore) io.warn(`${plan.name} was imported before, by ${importedBefore.importedBy}.`)
  for (const { account, number, openingCents, closingCents } of file.statements)
    io.say(
      `${account} ${number ?? ''}: ${openingCents === null ? 'no balances' : `${euros(openingCents)} → ${euros(closingCents!)}`}`,
    )
  for (const { line, text } of file.remarks) io.warn(line > 0 ? `line ${line}: ${text}` : text)
  io.show(
    lines.map((planned) => ({
      line: planned.line.line,
      date: planned.line.valueOn,
      amount: euros(planned.line.cents),
      from: planned.line.counterName,
      reference: planned.line.reference?.kind === 'ogm' ? formatOgm(planned.line.reference.value) : null,
      outcome: outcome(planned),
    })),
  )
}

export const registerBank: Register = (dues, ioOf, exitWith) => {
  dues
    .command('import-statement <files...>')
    .description('camt.053, CODA, CFONB 120, or CSV with a mapping: shows what it would do, then does it')
    .option('--map <columns>', 'for CSV: booked=Date,amount=Montant,communication=Libellé+Détails,…')
    .option('--saved-map <name>', 'a mapping that was saved')
    .option('--save-map <name>', 'keep --map under this name')
    .option('--dry-run', 'only show it')
    .option('--yes', 'do not ask')
    .action((files: string[], options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const map = options.map
          ? parseStatementMap(options.map)
          : options.savedMap && (await savedStatementMap(core, options.savedMap))
        if (options.saveMap && map) await saveStatementMap(core)({ name: options.saveMap, map, actor: io.actor })
        const importer = importStatement(core)
        for (const path of files) {
          const plan = await importer.plan(readFile(path), { name: basename(path), ...(map && { map }) })
          if (!io.json || options.dryRun) showPlan(io, plan)
          if (options.dryRun) continue
          const fresh = plan.lines.filter(({ duplicate }) => !duplicate).length
          if (!(await io.confirm(`Keep ${fresh} new lines of ${plan.name}?`, options.yes || io.json))) continue
          const report = await importer.apply(plan, { actor: io.actor, onProgress: io.progress('writing') })
          io.show({ file: plan.name, ...report })
          if (report.inbox > 0) exitWith(exit.pending)
        }
      }),
    )

  dues
    .command('inbox')
    .description('lines of the bank that nobody has said what they are')
    .option('--limit <n>', 'how many', '50')
    .action(({ limit }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const lines = await inbox(core)({ limit: Math.min(1000, Number(limit) || 50) })
        const alike = await Promise.all(
          lines.map(({ line }) => (line.resemblesId ? core.store.bank.line(line.resemblesId) : undefined)),
        )
        ioOf(command).show(
          lines.map(({ line, match, payerName }, at) => ({
            id: line.id,
            date: line.valueOn,
            amount: euros(line.cents),
            from: line.counterName,
            text: line.text.slice(0, 60),
            perhaps: payerName ? `${payerName} (${match.rule})` : null,
            resembles: alike[at] ? described(alike[at]) : null,
          })),
        )
      }),
    )

  dues
    .command('match <line> <number>')
    .description('say whose payment a line of the inbox is')
    .action((lineId, number, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const payer = await memberNumbered(installation, number)
        await matchLine(installation.core)({ lineId, payerId: payer.id, actor: ioOf(command).actor })
      }),
    )

  dues
    .command('ignore <line>')
    .description('a line that has nothing to do with dues')
    .option('--note <text>', 'what it is', '')
    .action((lineId, { note }, command) =>
      withInstallation(ioOf(command), async ({ core }) =>
        ignoreLine(core)({ lineId, note, actor: ioOf(command).actor }),
      ),
    )
}
