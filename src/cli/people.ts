// schedar member people …
import type { Command } from 'commander'
import { type AffiliationRole, affiliationRoles } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import { type Locale, locales } from '../ports.ts'
import { invitePerson, withdrawInvitation } from '../usecases/association-invitations.ts'
import { listPeople, removePerson, setPersonRole } from '../usecases/association-people.ts'
import { accountNamed, type Io, withInstallation } from './io.ts'
import { watch } from './watch.ts'

const oneOf = <T extends string>(value: string, allowed: readonly T[], field: string): T => {
  const found = allowed.find((one) => one === value)
  if (!found)
    throw new AppError('invalid_value', { field, detail: `${field}: ${value} is none of ${allowed.join(', ')}` })
  return found
}
const roleOf = (value: string): AffiliationRole => oneOf(value, affiliationRoles, 'role')

/** Under `schedar member`. */
export function registerPeople(
  member: Command,
  ioOf: (command: Command) => Io,
  exitWith: (code: number) => void,
): void {
  const people = member.command('people').description('who belongs to a member, and as what')

  people
    .command('list <number>')
    .description('the people of a member, and who is invited')
    .action((memberNumber, _options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const listed = await listPeople(core)({ memberNumber, actor: io.actor })
        io.show([
          ...listed.people.map(({ username, name, role, state }) => ({ who: username, name, role, state })),
          ...listed.invitations.map(({ email, role, expired }) => ({
            who: email,
            name: '',
            role,
            state: expired ? 'invitation expired' : 'invitation sent',
          })),
        ])
      }),
    )

  people
    .command('invite <number> <email>')
    .description('send a letter with a link; again to an address, the earlier link stops working')
    .option('--role <role>', affiliationRoles.join(', '), 'user')
    .option('--locale <locale>', 'language of the letter: fr, nl, en or de')
    .action((memberNumber, email, { role, locale }, command) =>
      withInstallation(ioOf(command), async ({ core, letters }) => {
        const io = ioOf(command)
        await invitePerson(
          core,
          letters,
        )({
          memberNumber,
          email,
          role: roleOf(role),
          actor: io.actor,
          ...(locale && { locale: oneOf<Locale>(locale, locales, 'locale') }),
        })
        io.show({ invited: email })
      }),
    )

  people
    .command('withdraw <number> <email>')
    .description('make the link of an invitation stop working')
    .action((memberNumber, email, _options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const of = { memberNumber, actor: ioOf(command).actor }
        const found = (await listPeople(core)(of)).invitations.find((one) => one.email === email.toLowerCase())
        if (!found) throw new AppError('not_found', { detail: `${email} has no open invitation there` })
        await withdrawInvitation(core)({ ...of, id: found.id })
      }),
    )

  people
    .command('role <number> <username> <role>')
    .description(`give one of the people another role: ${affiliationRoles.join(', ')}`)
    .action((memberNumber, username, role, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        await setPersonRole(installation.core)({
          memberNumber,
          accountId: (await accountNamed(installation, username)).id,
          role: roleOf(role),
          actor: ioOf(command).actor,
        })
      }),
    )

  people
    .command('remove <number> <username>')
    .description('take somebody out: what came through this member is closed at once, and nothing else')
    .option('--yes', 'do not ask')
    .action((memberNumber, username, { yes }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const { id } = await accountNamed(installation, username)
        if (!(await io.confirm(`Take ${username} out of member ${memberNumber}?`, yes))) return
        const removed = await removePerson(installation.core)({ memberNumber, accountId: id, actor: io.actor })
        for (const name of [...removed.logins, ...removed.clients]) io.say(`  closed: ${name}`)
        exitWith(await watch(io, installation, removed.touched))
      }),
    )
}
