// schedar account app-password …
import { appPasswordScopes, inGroups } from '../domain/app-passwords.ts'
import { AppError } from '../domain/errors.ts'
import {
  type AppPasswordListed,
  listAppPasswords,
  makeAppPassword,
  revokeAllAppPasswords,
  revokeAppPassword,
} from '../usecases/app-passwords.ts'
import { accountNamed, type Register, withInstallation } from './io.ts'
import { watch } from './watch.ts'

const moment = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())
const shown = ({ id, name, scopes, createdAt, createdBy, lastUsedAt }: AppPasswordListed) => ({
  id,
  name,
  scopes,
  made_at: moment(createdAt),
  made_by: createdBy,
  last_used_at: moment(lastUsedAt),
})

/** `program` is here the command `account`. */
export const registerAppPasswords: Register = (program, ioOf, exitWith) => {
  const group = program
    .command('app-password')
    .description('app passwords: what mail programs and calendars sign in with')

  group
    .command('list <username>')
    .description('list those that are not revoked')
    .action((username, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { id } = await accountNamed(installation, username)
        ioOf(command).show((await listAppPasswords(installation.core)(id)).map(shown))
      }),
    )

  group
    .command('make <username>')
    .description('make one and print it, this once')
    .requiredOption('--name <name>', 'the program or device that will use it')
    .requiredOption('--scope <scopes...>', `what it may open: ${appPasswordScopes.join(', ')}`)
    .action((username, { name, scope }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const { appPassword, secret } = await makeAppPassword(installation.core)({
          accountId: (await accountNamed(installation, username)).id,
          name,
          scopes: scope,
          actor: io.actor,
        })
        io.show({ id: appPassword.id, name: appPassword.name, scopes: appPassword.scopes, secret })
        io.say(`To type it, without the spaces: ${inGroups(secret)}\nIt is not shown again.`)
      }),
    )

  group
    .command('revoke <username> [id]')
    .description('revoke one by its id, or all, and watch')
    .option('--all', 'every one of this account')
    .action((username, id, { all = false }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        if ((id === undefined) !== all) throw new AppError('required', { detail: 'give an id, or use --all' })
        const { core } = installation
        const who = { accountId: (await accountNamed(installation, username)).id, actor: io.actor }
        const { revoked, touched } = await (all
          ? revokeAllAppPasswords(core)(who)
          : revokeAppPassword(core)({ ...who, id }))
        if (revoked === 0)
          throw new AppError('not_found', { detail: `${username} has no app password${all ? '' : ` ${id}`}` })
        io.say(`${revoked} revoked.`)
        exitWith(await watch(io, installation, touched))
      }),
    )
}
