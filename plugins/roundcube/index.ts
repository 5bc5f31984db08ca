// Roundcube 1.6 signs in with Schedar through its own OAuth and a plugin of ours (./schedar/, PHP, GPL-3.0-or-later), and
// hands the token on to Dovecot and Postfix. Nothing is driven from here: the webmail asks, and is told of sign-outs.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import { definePlugin, type KitTarget } from '../../src/plugin.ts'
import { filesUnder, mustComeBackTo, parsed, phpString, yesNo } from '../../src/plugin-kit.ts'
import { lisezMoi, readMe } from './read-me.ts'

const plugins = fileURLToPath(new URL('..', import.meta.url))

const REDIRECT = '/index.php/login/oauth'
/** Roundcube's own word for an address that must not lead into a sign-in again. */
const SIGNED_OUT = '/?_task=logout'
const LOGOUT = '/?_task=login&_action=plugin.schedar.logout'

const server = z.string().regex(/^(?:(?:ssl|tls):\/\/)?(?:[a-z0-9.-]+|\[[0-9a-f:]+\]):\d{1,5}$/i)
const options = z.strictObject({
  mail_host: z
    .string()
    .regex(/^[a-z0-9.-]+$/i)
    .optional()
    .describe("The mail server's name, as in its certificate and in people's mail programs."),
  imap: server.optional().describe('Where Dovecot listens. Default: ssl://MAIL_HOST:993.'),
  smtp: server.optional().describe('Where Postfix takes mail from people. Default: ssl://MAIL_HOST:465.'),
  ca_file: z
    .string()
    .regex(/^\/[\w./-]+$/)
    .optional()
    .describe("Certificates that Roundcube trusts at these two, beside the machine's own."),
  single_door: z.string().optional().describe('yes: the form for a name and a password gives way to the button.'),
  redirect: z.string().optional().describe('yes: whoever is not signed in is led to Schedar without a click.'),
})

export type Settings = {
  imap: string
  smtp: string
  caFile: string | undefined
  singleDoor: boolean
  redirect: boolean
}

const isOnThisMachine = (address: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\]):\d+$/i.test(address)

function settings(given: Record<string, string>): Settings {
  const { mail_host, imap, smtp, ca_file, single_door = 'yes', redirect } = parsed(options, given)
  if (mail_host === undefined && !(imap && smtp))
    throw new AppError('required', {
      field: 'mail_host',
      detail: "the kit needs the mail server's name: --set mail_host=mail.example.org",
    })
  const chosen = { imap: imap ?? `ssl://${mail_host}:993`, smtp: smtp ?? `ssl://${mail_host}:465` }
  for (const [field, address] of Object.entries(chosen))
    if (!address.includes('://') && !isOnThisMachine(address))
      throw new AppError('invalid_value', { field, detail: `${field}: to another machine, over ssl:// or tls:// only` })
  return {
    ...chosen,
    caFile: ca_file,
    singleDoor: yesNo('single_door', single_door),
    redirect: yesNo('redirect', redirect),
  }
}

/** Endpoints are where the provider has them: Roundcube 1.6 reads no discovery document. */
function configuration({ issuer, associationName, url, client }: KitTarget, s: Settings): string {
  const at = issuer.replace(/\/$/, '')
  const trusted =
    s.caFile === undefined
      ? ''
      : `
// Certificates of the mail server.
$config['imap_conn_options'] = ['ssl' => ['cafile' => ${phpString(s.caFile)}]];
$config['smtp_conn_options'] = ['ssl' => ['cafile' => ${phpString(s.caFile)}]];
`
  return `<?php
// Roundcube signs in with Schedar. Read at the end of config.inc.php:   include __DIR__ . '/schedar.inc.php';
// This file holds a secret: root and the web server read it, nobody else.

$config['oauth_provider'] = 'schedar';
$config['oauth_provider_name'] = ${phpString(associationName)};
$config['oauth_client_id'] = ${phpString(client.clientId)};
$config['oauth_client_secret'] = ${phpString(client.clientSecret)};
$config['oauth_auth_uri'] = ${phpString(`${at}/auth`)};
$config['oauth_token_uri'] = ${phpString(`${at}/token`)};
$config['oauth_identity_uri'] = ${phpString(`${at}/me`)};
$config['oauth_scope'] = 'openid profile mail';
// The mailbox's login, which is neither the username nor the contact address.
$config['oauth_identity_fields'] = ['mail_login'];
// The plugin leads there itself, with a nonce. Its own setting is schedar_redirect.
$config['oauth_login_redirect'] = false;
$config['oauth_auth_parameters'] = [];

$config['plugins'][] = 'schedar';
$config['schedar_issuer'] = ${phpString(issuer)};
$config['schedar_jwks_uri'] = ${phpString(`${at}/jwks`)};
$config['schedar_end_session_uri'] = ${phpString(`${at}/session/end`)};
// Where a sign-out at Schedar leads back to, as registered there.
$config['schedar_signed_out_uri'] = ${phpString(`${url}${SIGNED_OUT}`)};
// true: nobody signs in with a name and a password, and sessions that began so end.
$config['schedar_single_door'] = ${s.singleDoor};
// true: whoever is not signed in is led to Schedar without a click.
$config['schedar_redirect'] = ${s.redirect};

// Both servers are shown the token in place of a password.
$config['imap_host'] = ${phpString(s.imap)};
$config['smtp_host'] = ${phpString(s.smtp)};
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';
${trusted}${
  url.startsWith('https:')
    ? `
// Behind a proxy that does the TLS, Roundcube would not know that it is reached over https.
$config['use_https'] = true;
`
    : ''
}`
}

export default definePlugin({
  summary: 'Roundcube 1.6: sign-in by token to Dovecot and Postfix, sign-out both ways, through a plugin of Roundcube.',

  client: (url) => ({
    redirectUris: [`${url}${REDIRECT}`],
    postLogoutRedirectUris: [`${url}${SIGNED_OUT}`],
    signInUri: () => `${url}/?_task=login&_action=oauth`,
    backchannelLogoutUri: `${url}${LOGOUT}`,
    tokenEndpointAuthMethod: 'client_secret_post',
    service: 'mail',
    // Roundcube 1.6 has no PKCE; our plugin of it sends a nonce and checks it.
    withoutPkce: true,
    // Its pages ask for several things at once, and each may find the token expired.
    rotateRefreshToken: false,
  }),

  kit: async (target) => {
    mustComeBackTo(target, REDIRECT)
    const chosen = settings(target.options)
    const into = 'plugins/schedar'
    return [
      ...(await filesUnder(join(plugins, 'roundcube/schedar'), into)),
      ...(await filesUnder(join(plugins, 'php'), into)),
      { path: `${into}/LICENSE`, content: await readFile(join(plugins, 'spip/LICENSE'), 'utf8') },
      { path: 'schedar.inc.php', content: configuration(target, chosen), secret: true },
      { path: 'LISEZMOI.md', content: lisezMoi(target) },
      { path: 'README.md', content: readMe(target) },
    ]
  },
})
