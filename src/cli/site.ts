// schedar site … and schedar mailbox …
import { addLogin, addResource } from '../usecases/resources.ts'
import { accountNamed, memberNumbered, type Register, withInstallation } from './io.ts'

export const registerSite: Register = (program, ioOf) => {
  for (const kind of ['site', 'mailbox'] as const) {
    const group = program
      .command(kind)
      .description(kind === 'site' ? 'hosted sites of members' : 'mailboxes of members, and the logins into them')

    group
      .command('list')
      .description(kind === 'site' ? 'list the sites' : 'list the mailboxes')
      .action((_options, command) =>
        withInstallation(ioOf(command), async ({ core }) => {
          const found = await core.store.resources.list(kind)
          const rows = await Promise.all(
            found.map(async ({ id, name, memberId }) => ({
              name,
              member: (await core.store.members.get(memberId))?.memberNumber,
              access: (await core.doors.resourceAccess(id, kind === 'site' ? 'site' : 'mail')).access,
            })),
          )
          ioOf(command).show(rows)
        }),
      )

    const add = group
      .command('add <name>')
      .description(kind === 'site' ? 'add a site by its host name' : 'add a mailbox by its address')
      .requiredOption('--member <number>', 'the member that holds it')
    if (kind === 'mailbox') add.option('--account <username>', 'who may sign in to it, under its address')
    add.action((name, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const member = await memberNumbered(installation, options.member)
        const account = options.account ? await accountNamed(installation, options.account) : undefined
        const made = await addResource(installation.core)({ memberId: member.id, kind, name, actor: io.actor })
        const login =
          account && (await addLogin(installation.core)({ mailboxId: made.id, accountId: account.id, actor: io.actor }))
        io.show({ name: made.name, member: member.memberNumber, ...(login && { login }) })
      }),
    )
  }

  program.commands
    .find((command) => command.name() === 'mailbox')!
    .command('login <mailbox> <username>')
    .description('let one more person into a mailbox')
    .option('--as <login>', 'their own login (mail_login); the address of the mailbox is taken by the first')
    .action((mailbox, username, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const found = await installation.core.store.resources.byName('mailbox', mailbox)
        const account = await accountNamed(installation, username)
        io.show({
          login: await addLogin(installation.core)({
            mailboxId: found?.id ?? '',
            accountId: account.id,
            name: options.as,
            actor: io.actor,
          }),
        })
      }),
    )
}
