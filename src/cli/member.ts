// schedar member …
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { closingEvents, type MemberEventKind, memberEvents, type Standing, standings } from '../domain/standing.ts'
import type { Member } from '../ports.ts'
import { standingAsKnown } from '../usecases/as-known.ts'
import { importMembers } from '../usecases/import-members.ts'
import { addMember, recordMemberEvent } from '../usecases/members.ts'
import { today } from '../usecases/standing.ts'
import { restore, suspend } from '../usecases/suspend.ts'
import { exit, memberNumbered, type Register, withInstallation } from './io.ts'
import { registerPeople } from './people.ts'
import { watch } from './watch.ts'

export const registerMember: Register = (program, ioOf, exitWith) => {
  const member = program.command('member').description('members: those who owe dues')
  registerPeople(member, ioOf, exitWith)

  member
    .command('list')
    .description('list members with their standing')
    .option('--standing <standing>', standings.join(', '))
    .option('--text <text>', 'only those whose number, name or address holds this')
    .action(({ standing, text }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        if (standing && !standings.includes(standing))
          throw new AppError('invalid_value', { detail: `--standing is one of ${standings.join(', ')}` })
        const members = await core.store.members.list({
          limit: 100_000,
          ...(standing && { standing: standing as Standing }),
          ...(text && { text }),
        })
        ioOf(command).show(
          members.map(({ memberNumber, name, kind, standing: stands, coveredUntilOn }) => ({
            number: memberNumber,
            name,
            kind,
            standing: stands,
            'covered until': coveredUntilOn,
          })),
        )
      }),
    )

  member
    .command('show <number>')
    .description('one member: standing, people, resources; or where it stood on a day, as known at the end of another')
    .option('--on <date>', 'the day; today without it')
    .option('--known-on <date>', 'by what was recorded by the end of this day; today without it')
    .action((number, { on, knownOn }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { store } = installation.core
        const one = await memberNumbered(installation, number)
        if (on !== undefined || knownOn !== undefined)
          return ioOf(command).show(await stoodAt(installation.core, one, on, knownOn))
        const people = await Promise.all(
          (await store.people.accountsOf(one.id)).map(
            async ({ accountId, role }) => `${(await store.accounts.get(accountId))?.username} (${role})`,
          ),
        )
        const standing = await store.standings.get(one.id)
        const resources = (await store.resources.ofMember(one.id)).map(({ kind, name }) => `${kind} ${name}`)
        ioOf(command).show({
          number: one.memberNumber,
          name: one.name,
          kind: one.kind,
          email: one.email,
          standing: standing?.standing ?? 'applicant',
          coveredUntilOn: standing?.coveredUntilOn ?? null,
          nextChangeOn: standing?.nextChangeOn ?? null,
          people,
          resources,
        })
      }),
    )

  member
    .command('add <number> <name>')
    .description('add a member by hand')
    .option('--association', 'an association rather than a person')
    .option('--email <address>', 'e-mail address')
    .option('--covered-until <date>', 'last day that dues cover, such as 2026-12-31')
    .action((number, name, options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const made = await addMember(core)({
          memberNumber: number,
          name,
          kind: options.association ? 'association' : 'person',
          email: options.email ?? null,
          coveredUntilOn: options.coveredUntil ?? null,
          actor: io.actor,
        })
        io.show({ number: made.memberNumber, name: made.name })
      }),
    )

  member
    .command('import <files...>')
    .description(
      'members as Galette, Paheko, Dolibarr or CiviCRM export them, or any CSV with --map; shows a plan first',
    )
    .option('--map <columns>', 'which column is what: number=Nr,email=Mail,end=Until,…')
    .option('--activity <name>', 'which of several activities of a Paheko file is the membership')
    .option('--dry-run', 'only show the plan')
    .option('--confirm-removals', 'also when many members would lose access by it')
    .option('--yes', 'do not ask')
    .action((files: string[], options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const contents = files.map((path) => ({ name: basename(path), bytes: readFile(path) }))
        const importer = importMembers(installation.core)
        const plan = await importer.plan(contents, {
          map: options.map,
          activity: options.activity,
          onProgress: io.progress('reading'),
        })
        if (io.json) io.show(plan.report)
        else for (const line of plan.describe()) io.say(line)
        if (options.dryRun || plan.report.new + plan.report.changed === 0)
          return exitWith(plan.report.refused.length > 0 ? exit.problems : exit.ok)
        if (
          !(await io.confirm(
            `Import ${plan.report.new} new and ${plan.report.changed} changed members?`,
            options.yes || io.json,
          ))
        )
          return
        await importer.apply(plan, {
          actor: io.actor,
          confirmed: options.confirmRemovals ?? false,
          onProgress: io.progress('writing'),
        })
        io.say('Done.')
        exitWith(plan.report.refused.length > 0 ? exit.problems : exit.ok)
      }),
    )

  const event = (name: string, description: string, kinds: readonly MemberEventKind[]) =>
    member
      .command(`${name} <number>`)
      .description(description)
      .option('--as <kind>', kinds.join(', '), kinds[0])
      .option('--on <date>', 'from which day; today without it')
      .option('--note <text>', 'for the file', '')
      .action((number, options, command) =>
        withInstallation(ioOf(command), async (installation) => {
          const kind = memberEvents.find((one) => one === options.as)
          if (!kind || !kinds.includes(kind))
            throw new AppError('invalid_value', { detail: `--as is one of ${kinds.join(', ')}` })
          await recordMemberEvent(installation.core)({
            memberId: (await memberNumbered(installation, number)).id,
            kind,
            effectiveOn: options.on,
            note: options.note,
            actor: ioOf(command).actor,
          })
        }),
      )
  event('close', 'record that a membership ended', closingEvents)
  event('readmit', 'record that a closed membership goes on', ['readmitted'])

  member
    .command('suspend <number>')
    .description('suspend a member: its sites and whatever people have through it')
    .requiredOption('--reason <text>', 'why; its people read it')
    .option('--until <date>', 'last day')
    .action((number, { reason, until }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const one = await memberNumbered(installation, number)
        exitWith(
          await watch(
            io,
            installation,
            await suspend(installation.core)({
              target: { memberId: one.id },
              reason,
              endsOn: until ?? null,
              actor: io.actor,
            }),
          ),
        )
      }),
    )

  member
    .command('restore <number>')
    .description('lift a suspension')
    .action((number, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const one = await memberNumbered(installation, number)
        exitWith(
          await watch(
            io,
            installation,
            await restore(installation.core)({ target: { memberId: one.id }, actor: io.actor }),
          ),
        )
      }),
    )
}

async function stoodAt(core: Core, { id, memberNumber }: Member, on?: string, knownOn?: string) {
  const day = await today(core)
  const asked = { on: on ?? day, knownOn: knownOn ?? day }
  const { standing, coveredUntilOn, graceUntilOn } = await standingAsKnown(core)({ memberId: id, ...asked })
  return { number: memberNumber, ...asked, standing, coveredUntilOn, graceUntilOn }
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new AppError('import_unreadable', {
      detail: `${path}: ${(cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'cannot be read'}`,
      cause,
    })
  }
}
