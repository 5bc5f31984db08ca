// schedar client … and schedar kit …
import { serviceKinds } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import { loadPlugin, pluginNames } from '../plugins.ts'
import { addClient, kitOf, renewClient, setClientDisabled, setClientRole } from '../usecases/clients.ts'
import { accountNamed, clientNamed, type Register, withInstallation } from './io.ts'
import { pairs, several, writeKit } from './kit-files.ts'

export const registerClient: Register = (program, ioOf) => {
  const client = program.command('client').description('OpenID Connect clients: what people sign in to')

  client
    .command('list')
    .description('list clients')
    .action((_options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const clients = await core.store.clients.list()
        ioOf(command).show(
          clients.map(({ clientId, kind, name, party, audience, metadata, disabledAt }) => ({
            client_id: clientId,
            kind,
            name,
            party,
            audience,
            url: metadata.client_uri,
            disabled: disabledAt !== null,
          })),
        )
      }),
    )

  client
    .command('add')
    .description('register a client; then make its kit')
    .requiredOption('--kind <kind>', 'spip, apache, dovecot, … or other')
    .requiredOption('--url <url>', 'the address of the site or service')
    .requiredOption('--name <name>', 'the name that people see')
    .option('--site <host>', 'the hosted site it belongs to: its member then decides who may edit')
    .option('--client-id <id>', 'instead of a random one')
    .option('--redirect-uri <uri>', 'exact redirect address, for kind other', several)
    .option('--service <kind>', `which rule of the access policy counts: ${serviceKinds.join(', ')}`)
    .option('--third-party', 'people are asked whether they agree')
    .option('--listed', 'only people who were given a role on it')
    .option('--second-factor', 'ask for a second factor')
    .action((options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const plugin = options.kind === 'other' ? undefined : await loadPlugin(options.kind)
        const site = options.site ? await core.store.resources.byName('site', options.site) : undefined
        if (options.site && !site)
          throw new AppError('not_found', {
            detail: `there is no site ${options.site}; add it with: schedar site add ${options.site} --member NUMBER`,
          })
        if (options.service && !serviceKinds.includes(options.service))
          throw new AppError('invalid_value', { detail: `--service is one of ${serviceKinds.join(', ')}` })
        const { client: made, clientSecret } = await addClient(core)({
          kind: options.kind,
          name: options.name,
          url: options.url,
          plugin,
          ...(site && { site }),
          ...(options.clientId && { clientId: options.clientId }),
          ...(options.redirectUri && { redirectUris: options.redirectUri }),
          ...(options.service && { service: options.service }),
          ...(options.thirdParty && { party: 'third' as const }),
          ...(options.listed && { audience: 'listed' as const }),
          ...(options.secondFactor && { secondFactor: true }),
          actor: io.actor,
        })
        io.show({
          client_id: made.clientId,
          client_secret: clientSecret,
          issuer: core.config.issuer,
          redirect_uris: made.metadata.redirect_uris,
        })
        if (plugin?.kit) io.say(`Next: schedar kit ${made.clientId} FOLDER`)
      }),
    )

  for (const remove of [false, true])
    client
      .command(`${remove ? 'revoke' : 'grant'} <client> <who> <role>`)
      .description(`${remove ? 'take a role back from' : 'give a role to'} an account, or to a group as group:NAME`)
      .action((clientId, who: string, role, _options, command) =>
        withInstallation(ioOf(command), async (installation) => {
          const group = /^group:(.+)$/.exec(who)?.[1]
          const subject = group ?? (await accountNamed(installation, who)).id
          await clientNamed(installation, clientId)
          await setClientRole(installation.core)({
            clientId,
            subjectKind: group ? 'group' : 'account',
            subject,
            role,
            remove,
            actor: ioOf(command).actor,
          })
        }),
      )

  for (const disabled of [true, false])
    client
      .command(`${disabled ? 'disable' : 'enable'} <client>`)
      .description(disabled ? 'nobody signs in there, and none of its tokens counts' : 'let it be used again')
      .action((clientId, _options, command) =>
        withInstallation(ioOf(command), async (installation) => {
          await setClientDisabled(installation.core)({
            clientId: (await clientNamed(installation, clientId)).clientId,
            disabled,
            actor: ioOf(command).actor,
          })
        }),
      )

  program
    .command('kit <client> <folder>')
    .description(`write the files to install on the service's side (kinds: ${pluginNames().join(', ')})`)
    .option('--set <key=value>', "an answer to the plugin's own question", several, [])
    .action((clientId, folder, options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const found = await clientNamed(installation, clientId)
        const service = installation.services.find(({ plugin }) => plugin === found.kind)
        const plugin = await loadPlugin(found.kind)
        const files = await kitOf(installation.core)(found, plugin, pairs(options.set), service?.config)
        await renewClient(installation.core)({ clientId: found.clientId, plugin, actor: io.actor })
        io.show(writeKit(folder, files))
      }),
    )
}
