// schedar site …
import { join } from 'node:path'
import type { Installation } from '../compose.ts'
import type { Core } from '../core.ts'
import { newAppPassword } from '../domain/app-passwords.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import type { Resource } from '../ports.ts'
import type { OpenPlugin } from '../services.ts'
import { siteInWhole } from '../usecases/own-sites.ts'
import { addResource } from '../usecases/resources.ts'
import { makeSiteLogin, removeSiteLogin, siteKit } from '../usecases/site-login.ts'
import { restore, suspend } from '../usecases/suspend.ts'
import { memberNumbered, type Register, withInstallation } from './io.ts'
import { readyFolder, writeKit } from './kit-files.ts'
import { watch } from './watch.ts'

async function siteNamed(core: Core, name: string): Promise<Resource> {
  const found = await core.store.resources.byName('site', canonical(name))
  if (!found) throw new AppError('not_found', { detail: `there is no site ${name}` })
  return found
}

/** The service that says what web forms send with. */
function sender({ core, opened }: Installation, name?: string): OpenPlugin {
  const found = opened.filter((one) => core.config.services[one.name]?.plugin === 'msmtp')
  const chosen = name === undefined ? found : found.filter((one) => one.name === name)
  if (chosen.length === 1) return chosen[0]!
  throw new AppError(found.length === 0 ? 'required' : 'invalid_value', {
    field: 'service',
    detail:
      found.length === 0
        ? 'name the mail server in schedar.yaml first: services: { forms: { plugin: msmtp, server: mail.example.org } }'
        : `--service is one of ${found.map((one) => one.name).join(', ')}`,
  })
}

export const registerSite: Register = (program, ioOf, exitWith) => {
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
    .command('show <name>')
    .description('whose it is, whether it is open, who may edit it, and what its services still have to be told')
    .action((name, _options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const found = await siteNamed(core, name)
        const member = (await core.store.members.get(found.memberId))!
        const whole = await siteInWhole(core, { site: found, member })
        const { hosting, editing } = whole
        const shown = {
          name: found.name,
          member: member.memberNumber,
          member_name: member.name,
          hosting: hosting.access,
          hosting_reason: hosting.reason.code,
          ...(hosting.reason.text && { reason_given: hosting.reason.text }),
          editing: editing.access,
          editing_reason: editing.reason.code,
          editors: whole.clients.flatMap(({ people, others }) => [
            ...people.filter((one) => one.byAffiliation || one.given.length > 0).map(({ username }) => username),
            ...others.map(({ who }) => who),
          ]),
          clients: whole.clients.map(({ client }) => client.clientId),
          waiting: whole.services.filter(({ pending }) => pending > 0).map((one) => one.name),
        }
        if (io.json) return io.show(shown)
        for (const [key, value] of Object.entries(shown))
          io.say(`${key.replace('_', ' ')}: ${Array.isArray(value) ? value.join(', ') || '-' : value}`)
      }),
    )

  site
    .command('suspend <name>')
    .description('take one site offline at once, and watch')
    .requiredOption('--reason <text>', 'why; whoever looks after the site reads it')
    .option('--until <date>', 'last day, such as 2026-12-31')
    .action((name, { reason, until }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const [io, { core }] = [ioOf(command), installation]
        const { id: resourceId, name: host } = await siteNamed(core, name)
        const touched = await suspend(core)({ target: { resourceId }, reason, endsOn: until ?? null, actor: io.actor })
        io.say(`${host} is offline.`)
        exitWith(await watch(io, installation, touched))
      }),
    )

  site
    .command('restore <name>')
    .description('put a site back online, and watch')
    .option('--note <text>', 'for the audit', '')
    .action((name, { note }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const [io, { core }] = [ioOf(command), installation]
        const { id: resourceId, name: host } = await siteNamed(core, name)
        const touched = await restore(core)({ target: { resourceId }, note, actor: io.actor })
        io.say(`${host} is restored.`)
        exitWith(await watch(io, installation, touched))
      }),
    )

  site
    .command('mail-login <name>')
    .description('make (or renew) what the site’s web forms send with, and print it, this once')
    .option('--remove', 'take it away instead: the forms send nothing')
    .action((name, { remove = false }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const found = await siteNamed(core, name)
        const about = { siteId: found.id, actor: io.actor }
        if (!remove) return io.show(await makeSiteLogin(core)(about))
        await removeSiteLogin(core)(about)
        io.say(`${found.name} sends nothing any more.`)
      }),
    )

  site
    .command('mail-kit <name> <folder>')
    .description('make (or renew) that login, and write the files by which the site’s PHP sends with it')
    .requiredOption('--user <name>', 'the user that runs the site’s PHP')
    .option('--group <name>', 'its group, when that has another name')
    .option('--from <address>', 'the sender of what a script sends without saying whose it is')
    .option('--service <service>', 'of schedar.yaml, when several have the plugin msmtp')
    .action((name, folder, { service, ...options }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const [io, { core }] = [ioOf(command), installation]
        const { id: siteId, name: site } = await siteNamed(core, name)
        const { plugin, config } = sender(installation, service)
        const kit = (secret: string) => siteKit(core)(site, secret, plugin, config, options)
        // What is wrong is said before the former password is dead.
        await kit(newAppPassword(core.random.token))
        readyFolder(folder)
        const { secret } = await makeSiteLogin(core)({ siteId, actor: io.actor })
        const written = writeKit(folder, await kit(secret))
        if (options.user === 'www-data')
          io.warn(`${site} is not protected: every site that runs as www-data can send with its login.`)
        io.show(written)
        io.say(`Next: ${join(folder, 'README.md')}, on the machine of the site.`)
      }),
    )
}
