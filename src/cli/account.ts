// schedar account …
import { type AffiliationRole, affiliationRoles } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import { type StaffRole, staffRoles } from '../ports.ts'
import { addAccount, affiliate, setAccountClosed, setGroups, setStaffRoles } from '../usecases/accounts.ts'
import { explain } from '../usecases/explain.ts'
import { invite } from '../usecases/invite.ts'
import { removeSecondFactor } from '../usecases/second-factor.ts'
import { restore, signOutEverywhere, suspend } from '../usecases/suspend.ts'
import { registerAppPasswords } from './app-passwords.ts'
import { accountNamed, memberNumbered, type Register, withInstallation } from './io.ts'
import { watch } from './watch.ts'

const oneOf = <T extends string>(value: string, allowed: readonly T[], field: string): T => {
  const found = allowed.find((one) => one === value)
  if (!found)
    throw new AppError('invalid_value', { field, detail: `${field}: ${value} is none of ${allowed.join(', ')}` })
  return found
}

export const registerAccount: Register = (program, ioOf, exitWith) => {
  const account = program.command('account').description('accounts: one for each person')

  account
    .command('list')
    .description('list accounts')
    .option('--text <text>', 'only those whose username, name or address holds this')
    .action(({ text }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const accounts = await core.store.accounts.list({ ...(text && { text }) })
        ioOf(command).show(
          accounts.map(({ username, name, email, state, locale }) => ({ username, name, email, state, locale })),
        )
      }),
    )

  account
    .command('add <username>')
    .description('add an account; invite it afterwards')
    .requiredOption('--given-name <name>', 'given name')
    .requiredOption('--family-name <name>', 'family name')
    .option('--email <address>', 'e-mail address')
    .option('--member <number>', 'the member it belongs to')
    .option('--role <role>', `role at that member: ${affiliationRoles.join(', ')}`, 'user')
    .option('--locale <locale>', 'fr, nl, en or de', 'fr')
    .action((username, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const member = options.member ? await memberNumbered(installation, options.member) : undefined
        const made = await addAccount(installation.core)({
          username,
          givenName: options.givenName,
          familyName: options.familyName,
          email: options.email ?? null,
          locale: options.locale,
          actor: io.actor,
        })
        if (member)
          await affiliate(installation.core)({
            accountId: made.id,
            memberId: member.id,
            role: oneOf(options.role, affiliationRoles, 'role'),
            actor: io.actor,
          })
        io.show({ username: made.username, id: made.id })
      }),
    )

  account
    .command('invite [username]')
    .description('send the letter with the link to choose a password')
    .option('--all', 'to every account that was never signed in')
    .action((username, { all }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const { core, letters } = installation
        if (!username && !all) throw new AppError('required', { detail: 'name an account, or use --all' })
        const invited = all
          ? (await core.store.accounts.list({ state: 'invited', limit: 100_000 })).filter(({ email }) => email !== null)
          : [await accountNamed(installation, username)]
        const progress = io.progress('letters')
        for (const [at, one] of invited.entries()) {
          await invite(core, letters)({ account: one, actor: io.actor })
          progress(at + 1, invited.length)
        }
        io.show({ invited: invited.length })
      }),
    )

  account
    .command('affiliate <username> <member>')
    .description('give a person a role at a member')
    .option('--role <role>', affiliationRoles.join(', '), 'user')
    .action((username, number, { role }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const [one, member] = [await accountNamed(installation, username), await memberNumbered(installation, number)]
        await affiliate(installation.core)({
          accountId: one.id,
          memberId: member.id,
          role: oneOf<AffiliationRole>(role, affiliationRoles, 'role'),
          actor: ioOf(command).actor,
        })
      }),
    )

  account
    .command('staff <username> [roles...]')
    .description(`set the staff roles (${staffRoles.join(', ')}); none takes them away`)
    .action((username, roles, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const one = await accountNamed(installation, username)
        await setStaffRoles(installation.core)({
          accountId: one.id,
          roles: roles.map((role: string) => oneOf<StaffRole>(role, staffRoles, 'role')),
          actor: ioOf(command).actor,
        })
      }),
    )

  account
    .command('groups <username> [groups...]')
    .description('set the groups; none takes them away')
    .action((username, groups, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const one = await accountNamed(installation, username)
        await setGroups(installation.core)({ accountId: one.id, groups, actor: ioOf(command).actor })
      }),
    )

  account
    .command('suspend <username>')
    .description('close every door at once, and watch')
    .requiredOption('--reason <text>', 'why; the person reads it')
    .option('--until <date>', 'last day, such as 2026-12-31')
    .action((username, { reason, until }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const one = await accountNamed(installation, username)
        const touched = await suspend(installation.core)({
          target: { accountId: one.id },
          reason,
          endsOn: until ?? null,
          actor: io.actor,
        })
        io.say(`${one.username} is suspended.`)
        exitWith(await watch(io, installation, touched))
      }),
    )

  account
    .command('restore <username>')
    .description('lift a suspension, and watch')
    .option('--note <text>', 'for the audit', '')
    .action((username, { note }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const one = await accountNamed(installation, username)
        const touched = await restore(installation.core)({ target: { accountId: one.id }, note, actor: io.actor })
        io.say(`${one.username} is restored.`)
        exitWith(await watch(io, installation, touched))
      }),
    )

  account
    .command('sign-out <username>')
    .description('end every session everywhere, without suspending')
    .action((username, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const one = await accountNamed(installation, username)
        exitWith(
          await watch(
            io,
            installation,
            await signOutEverywhere(installation.core)({ accountId: one.id, actor: io.actor }),
          ),
        )
      }),
    )

  account
    .command('explain <username>')
    .description('what this account may use, and why or why not')
    .action((username, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const explained = (await explain(installation.core)(await accountNamed(installation, username)))!
        if (io.json) return io.show(explained as unknown as Record<string, unknown>)
        const { account: facts, memberships, clients, logins } = explained
        io.say(`${facts.username} (${facts.name}), ${facts.state}`)
        for (const { effect, reasonText, endsOn } of facts.overrides)
          io.say(`  ${effect}: ${reasonText}${endsOn ? `, until ${endsOn}` : ''}`)
        for (const { memberName, role, standing, coveredUntilOn, overrides } of memberships)
          io.say(
            `  ${role} of ${memberName}: ${overrides.some(({ effect }) => effect === 'deny') ? 'suspended' : standing}${coveredUntilOn ? `, covered until ${coveredUntilOn}` : ''}`,
          )
        io.show([
          ...clients.map(({ name, access, reason, roles }) => ({ service: name, access, reason: reason.code, roles })),
          ...logins.map(({ login, access, reason }) => ({
            service: login,
            access,
            reason: reason.code,
            roles: ['mail'],
          })),
        ])
      }),
    )

  account
    .command('remove-second-factor <username>')
    .description('for the person who lost phone and recovery codes')
    .action((username, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        await removeSecondFactor(installation.core)(
          (await accountNamed(installation, username)).id,
          ioOf(command).actor,
        )
      }),
    )

  registerAppPasswords(account, ioOf, exitWith)

  for (const closed of [true, false])
    account
      .command(`${closed ? 'close' : 'reopen'} <username>`)
      .description(
        closed ? 'close an account for good; it cannot sign in at home either' : 'open a closed account again',
      )
      .option('--reason <text>', 'for the audit', '')
      .action((username, { reason }, command) =>
        withInstallation(ioOf(command), async (installation) => {
          const io = ioOf(command)
          await setAccountClosed(installation.core)({
            accountId: (await accountNamed(installation, username)).id,
            closed,
            reason,
            actor: io.actor,
          })
        }),
      )
}
