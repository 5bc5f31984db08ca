// schedar site …
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import { addResource } from '../usecases/resources.ts'
import { makeSiteLogin, removeSiteLogin } from '../usecases/site-login.ts'
import { memberNumbered, type Register, withInstallation } from './io.ts'

export const registerSite: Register = (program, ioOf) => {
  const site = program.command('site').description('hosted sites of members')

  site
    .command('list')
    .description('list the sites')
    .action((_options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const found = await core.store.resources.list('site')
        const rows = await Promise.all(
          found.map(async ({ id, name, memberId }) => ({
            name,
            member: (await core.store.members.get(memberId))?.memberNumber,
            access: (await core.doors.resourceAccess(id, 'hosting')).access,
            sends: (await core.store.mailboxes.siteLogin(id)) !== undefined,
          })),
        )
        ioOf(command).show(rows)
      }),
    )

  site
    .command('add <name>')
    .description('add a site by its host name')
    .requiredOption('--member <number>', 'the member that holds it')
    .action((name, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const member = await memberNumbered(installation, options.member)
        const made = await addResource(installation.core)({ memberId: member.id, kind: 'site', name, actor: io.actor })
        io.show({ name: made.name, member: member.memberNumber })
      }),
    )

  site
    .command('mail-login <name>')
    .description('make (or renew) what the site’s web forms send with, and print it, this once')
    .option('--remove', 'take it away instead: the forms send nothing')
    .action((name, { remove = false }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const found = await core.store.resources.byName('site', canonical(name))
        if (!found) throw new AppError('not_found', { detail: `there is no site ${name}` })
        const about = { siteId: found.id, actor: io.actor }
        if (!remove) return io.show(await makeSiteLogin(core)(about))
        await removeSiteLogin(core)(about)
        io.say(`${found.name} sends nothing any more.`)
      }),
    )
}
