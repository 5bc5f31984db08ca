// schedar mailbox … and schedar alias …

import type { Installation } from '../compose.ts'
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { zoneLines } from '../domain/mail-clients.ts'
import { canonical } from '../domain/names.ts'
import type { Resource } from '../ports.ts'
import { removeLogin, removeResource, setAliasTargets, setMailbox } from '../usecases/mailboxes.ts'
import { addLogin, addResource } from '../usecases/resources.ts'
import { accountNamed, type Io, memberNumbered, type Register, withInstallation } from './io.ts'

const UNITS: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }

/** `5G`, `500M`, `unlimited`. */
function bytesOf(typed: string): number | null {
  if (typed === 'unlimited') return null
  const [, number, unit = ''] = /^(\d{1,12})([KMG]?)$/i.exec(typed) ?? []
  if (!number)
    throw new AppError('invalid_value', {
      field: 'quota',
      detail: `not a quota: ${typed}; write 5G, 500M or unlimited`,
    })
  return Number(number) * UNITS[unit.toUpperCase()]!
}

async function named({ core }: Installation, kind: 'mailbox' | 'alias', name: string): Promise<Resource> {
  const found = await core.store.resources.byName(kind, canonical(name))
  if (!found || found.removedAt !== null) throw new AppError('not_found', { detail: `there is no ${kind} ${name}` })
  return found
}

const heldBy = async ({ core }: Installation, { memberId }: Resource) =>
  (await core.store.members.get(memberId))?.memberNumber

async function shownMailbox(installation: Installation, mailbox: Resource) {
  const { store, doors } = installation.core
  const [settings, logins, due] = await Promise.all([
    store.mailboxes.get(mailbox.id),
    store.resources.loginsInto(mailbox.id),
    doors.resourceAccess(mailbox.id, 'mail'),
  ])
  return {
    name: mailbox.name,
    member: await heldBy(installation, mailbox),
    access: due.access,
    logins: logins.map(({ name }) => name),
    quota_bytes: settings?.quotaBytes ?? null,
    former_until: settings?.formerUntilOn ?? null,
  }
}

/** The login of an account into a mailbox: the one of this name, or the only one. */
async function loginOf({ store }: Core, mailboxId: string, accountId: string, as?: string): Promise<string> {
  const own = (await store.resources.loginsInto(mailboxId)).filter((login) => login.accountId === accountId)
  const meant = as === undefined ? own : own.filter(({ name }) => name === canonical(as))
  if (meant.length === 1) return meant[0]!.name
  throw new AppError('not_found', {
    detail:
      own.length === 0 ? 'this account has no login into it' : `say --as: ${own.map(({ name }) => name).join(' or ')}`,
  })
}

const shownAlias = async (installation: Installation, alias: Resource) => ({
  name: alias.name,
  member: await heldBy(installation, alias),
  targets: await installation.core.store.mailboxes.targets(alias.id),
})

async function removed(io: Io, installation: Installation, resource: Resource, yes: boolean): Promise<void> {
  if (
    !(await io.confirm(
      `Nobody gets into ${resource.name} any more and no mail comes; what is on the disk stays. Remove it?`,
      yes,
    ))
  )
    return
  await removeResource(installation.core)({ resourceId: resource.id, actor: io.actor })
  io.say(`${resource.name} is removed.`)
}

export const registerMailbox: Register = (program, ioOf) => {
  const mailbox = program.command('mailbox').description('mailboxes of members, and the logins into them')

  mailbox
    .command('list')
    .description('list the mailboxes')
    .action((_options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const found = await installation.core.store.resources.list('mailbox')
        ioOf(command).show(await Promise.all(found.map((each) => shownMailbox(installation, each))))
      }),
    )

  mailbox
    .command('add <address>')
    .description('add a mailbox by its address')
    .requiredOption('--member <number>', 'the member that holds it')
    .option('--account <username>', 'who may sign in to it, under its address')
    .option('--quota <size>', 'how much it may hold: 5G, 500M; without it there is no limit')
    .action((name, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const [io, { core }] = [ioOf(command), installation]
        const quotaBytes = options.quota === undefined ? null : bytesOf(options.quota)
        const member = await memberNumbered(installation, options.member)
        const account = options.account ? await accountNamed(installation, options.account) : undefined
        const made = await addResource(core)({ memberId: member.id, kind: 'mailbox', name, actor: io.actor })
        if (quotaBytes !== null) await setMailbox(core)({ resourceId: made.id, quotaBytes, actor: io.actor })
        if (account) await addLogin(core)({ mailboxId: made.id, accountId: account.id, actor: io.actor })
        io.show(await shownMailbox(installation, made))
      }),
    )

  mailbox
    .command('set <address>')
    .description('change how much it may hold, or until when its former password counts')
    .option('--quota <size>', '5G, 500M or unlimited')
    .option('--former-until <date>', 'last day of the password that it had before Schedar (2026-12-31), or never')
    .action((name, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const found = await named(installation, 'mailbox', name)
        await setMailbox(installation.core)({
          resourceId: found.id,
          ...(options.quota !== undefined && { quotaBytes: bytesOf(options.quota) }),
          ...(options.formerUntil !== undefined && {
            formerUntilOn: options.formerUntil === 'never' ? null : options.formerUntil,
          }),
          actor: io.actor,
        })
        io.show(await shownMailbox(installation, found))
      }),
    )

  mailbox
    .command('login <address> <username>')
    .description('let one more person into a mailbox')
    .option('--as <login>', 'their own login (mail_login); the address of the mailbox is taken by the first')
    .option('--remove', 'take that login away instead; --as says which, when there are several')
    .action((name, username, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const [io, { core }] = [ioOf(command), installation]
        const { id: mailboxId } = await named(installation, 'mailbox', name)
        const { id: accountId } = await accountNamed(installation, username)
        if (options.remove) {
          const login = await loginOf(core, mailboxId, accountId, options.as)
          await removeLogin(core)({ mailboxId, name: login, actor: io.actor })
          return io.say(`${login} does not open ${name} any more.`)
        }
        io.show({ login: await addLogin(core)({ mailboxId, accountId, name: options.as, actor: io.actor }) })
      }),
    )

  mailbox
    .command('remove <address>')
    .description('close it for good; what it holds stays on the disk')
    .option('--yes', 'do not ask')
    .action((name, { yes = false }, command) =>
      withInstallation(ioOf(command), async (installation) =>
        removed(ioOf(command), installation, await named(installation, 'mailbox', name), yes),
      ),
    )

  mailbox
    .command('dns <domain>')
    .description('print the lines for a domain’s zone by which mail programs find the servers')
    .action((typed, _options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const domain = canonical(typed)
        const { mailSetup, issuer } = core.config
        if (!mailSetup) throw new AppError('required', { detail: 'mailSetup is not in schedar.yaml' })
        if (!(await core.store.mailboxes.hasDomain(domain)))
          throw new AppError('not_found', { detail: `there is no mailbox and no alias of ${domain}` })
        const [io, lines] = [ioOf(command), zoneLines(mailSetup, domain, new URL(issuer).hostname)]
        if (io.json) io.show({ domain, lines })
        for (const line of lines) io.say(line)
      }),
    )

  const alias = program.command('alias').description('addresses whose mail goes to other addresses')

  alias
    .command('list')
    .description('list the aliases')
    .action((_options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const found = await installation.core.store.resources.list('alias')
        ioOf(command).show(await Promise.all(found.map((each) => shownAlias(installation, each))))
      }),
    )

  alias
    .command('add <address> <targets...>')
    .description('add an alias; its targets are mailboxes here or addresses elsewhere')
    .requiredOption('--member <number>', 'the member that holds it')
    .action((name, targets, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const member = await memberNumbered(installation, options.member)
        const made = await addResource(installation.core)({
          memberId: member.id,
          kind: 'alias',
          name,
          targets,
          actor: io.actor,
        })
        io.show(await shownAlias(installation, made))
      }),
    )

  alias
    .command('set <address> <targets...>')
    .description('change where its mail goes')
    .action((name, targets, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const found = await named(installation, 'alias', name)
        await setAliasTargets(installation.core)({ resourceId: found.id, targets, actor: io.actor })
        io.show(await shownAlias(installation, found))
      }),
    )

  alias
    .command('remove <address>')
    .description('no mail comes to it any more')
    .option('--yes', 'do not ask')
    .action((name, { yes = false }, command) =>
      withInstallation(ioOf(command), async (installation) =>
        removed(ioOf(command), installation, await named(installation, 'alias', name), yes),
      ),
    )
}
