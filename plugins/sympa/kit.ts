// What is installed on Sympa's machine: the sign-in for its pages, and what its lists need to follow Schedar.
import { z } from 'zod'
import type { KitFile, KitTarget } from '../../src/plugin.ts'
import { parsed } from '../../src/plugin-kit.ts'
import {
  companions,
  directives,
  type Filling,
  fill,
  installing,
  membersOnly,
  ownPlaces,
  placesIn,
  signOutPath,
  visitorsToo,
} from '../apache/block.ts'
import { config, plainPath, type SympaConfig } from './config.ts'
import { helperScript, helperService, helperSocket } from './kit-helper.ts'
import { configOf, EMPTY, listSteps, readMe } from './kit-page.ts'
import { memberFile } from './member-file.ts'

/** Leads into Sympa signed in, for a link that knows nothing of Sympa's own addresses. */
export const ENTRANCE = '/oidc/sign-in'

const address = z.string().regex(/^[a-z0-9][a-z0-9._+-]*@[a-z0-9.-]+$/, 'must be an address, in lower case')
const options = z.strictObject({
  path: plainPath.default('/wws').describe("The path of Sympa's pages, as in its wwsympa_url."),
  listmaster: address.optional().describe("One of sympa.conf's listmaster: as whom the role listmaster signs in."),
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]*$/)
    .default('schedar')
    .describe('The user that Schedar runs as.'),
})
type Options = z.infer<typeof options>
export type Settings = Options & { filling: Filling; service: SympaConfig | undefined; signOut: string }

function settings(target: KitTarget): Settings {
  const { places, own } = placesIn(target.options)
  const chosen = parsed(options, own, 'options')
  const filling = fill(target, places, 'email')
  return {
    ...chosen,
    filling,
    service: target.config === undefined ? undefined : parsed(config, target.config, 'services.sympa'),
    signOut: new URL(signOutPath(filling), target.url).href,
  }
}

/** `auth`: the place around it lets visitors pass. Sympa knows people by their addresses: an unproven one is nobody's. */
const signInHere = (...more: readonly string[]): string =>
  ['OIDCUnAuthAction auth', '<RequireAll>', '  Require claim email_verified:true', ...more, '</RequireAll>']
    .map((line) => `  ${line}`)
    .join('\n')

const listmasterDoor = ({ path, listmaster }: Settings): string =>
  listmaster === undefined
    ? ''
    : `
# Who has the role listmaster at this site may sign in as the listmaster. The variable is Apache's: no visitor can send it.
${membersOnly(`${path}/sso_login/schedar-listmaster`, signInHere('  Require claim roles:listmaster'))}
<Location "${path}/sso_login/schedar-listmaster">
  SetEnv SCHEDAR_LISTMASTER ${listmaster}
</Location>
`

const vhost = (
  s: Settings,
): string => `# ${s.filling.url} signs people in with ${s.filling.associationName} (${s.filling.issuer}).
# Goes inside the <VirtualHost> of Sympa's pages:   Include ${s.filling.dir}/${s.filling.name}.conf
# Needs:   a2enmod auth_openidc headers env rewrite proxy_fcgi
${directives(s.filling)}
# Every page of Sympa knows whether the person's session here lives; without it, Sympa's own cookie never reaches Sympa.
${visitorsToo(s.path, ['sympa_session'])}
# Where Sympa signs in whom Apache names (auth.conf, generic_sso).
${membersOnly(`${s.path}/sso_login/schedar`, signInHere())}${listmasterDoor(s)}
# Sympa's own ways in, and passwords, lead there as well.
RewriteEngine On
RewriteRule "^${s.path}/+(?:nomenu/+)?(?:login|loginrequest|firstpasswd|renewpasswd|requestpasswd|sendpasswd|choosepasswd|setpasswd|remindpasswd)(?:/|$)" "${s.path}/sso_login/schedar/init" [R=302,L]
RewriteRule "^${ENTRANCE}$" "${s.path}/sso_login/schedar/init" [R=302,L]

${ownPlaces(s.filling)}`

/** Without `user_table` no password of Sympa's own lets anybody in. */
const authConf = (s: Settings): string => {
  const paragraph = (id: string, name: string, variable: string) => `generic_sso
  service_name ${name}
  service_id ${id}
  email_http_header ${variable}
  http_header_list OIDC_CLAIM_sub,OIDC_CLAIM_name
  logout_url ${s.signOut}
`
  const members = paragraph('schedar', s.filling.associationName.trim() || 'Schedar', 'OIDC_CLAIM_email')
  const all = s.listmaster ? [members, paragraph('schedar-listmaster', 'Listmaster', 'SCHEDAR_LISTMASTER')] : [members]
  return `# Schedar: the only way into Sympa's pages.\n\n${all.join('\n')}`
}

/** What a list's configuration needs. Before it sends a message, Sympa reads a list's sources that it last read a minute ago. */
const listConfig = (folder: string, list: string): string => `
include_file ${folder}/${list}

ttl 3600

distribution_ttl 60

`

/** The files and a page that says where they go. Throws `invalid_value`. */
export function kit(target: KitTarget): KitFile[] {
  const s = settings(target)
  const { service, filling, user } = s
  const lists = Object.keys(service?.lists ?? {})
  const steps = service === undefined ? '' : listSteps({ service, user, lists })
  return [
    {
      path: 'README.md',
      content: readMe(s, installing(filling, 'auth_openidc headers env rewrite proxy_fcgi'), steps),
    },
    { path: `${filling.name}.conf`, content: vhost(s) },
    ...companions(filling, target),
    { path: 'auth.conf', content: authConf(s) },
    ...(service === undefined ? [] : [{ path: EMPTY, content: memberFile(new Map()) }]),
    ...lists.map((list) => ({ path: configOf(list), content: listConfig(service!.folder, list) })),
    ...(service?.helper === undefined
      ? []
      : [
          { path: 'helper/schedar-sympa', content: helperScript(service.configFile) },
          { path: 'helper/schedar-sympa.socket', content: helperSocket(service.helper, user) },
          { path: 'helper/schedar-sympa.service', content: helperService() },
        ]),
  ]
}
