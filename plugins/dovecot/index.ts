// Dovecot: who may sign in to IMAP, POP3, ManageSieve and (through Dovecot's SASL) SMTP, with which app passwords and to which
// mailbox, told by files that go on holding without Schedar; tokens are checked by introspection; live sessions are ended
// through doveadm; at each sign-in Dovecot asks and tells.
import { definePlugin } from '../../src/plugin.ts'
import { config } from './config.ts'
import { kit } from './kit.ts'
import { loginService } from './logins.ts'
import { mailboxService } from './mailboxes.ts'
import { servePolicy } from './policy.ts'

export default definePlugin({
  summary: 'Dovecot: mailboxes, app passwords and tokens; refuses those without access, and ends live sessions.',
  manages: 'login',
  config,
  secrets: ['doveadmApiKey', 'policyKey'],
  open: async (settings, host) => loginService(settings, host),
  parts: { mailboxes: { manages: 'address', open: async (settings, host) => mailboxService(settings, host) } },
  serve: servePolicy,
  client: () => ({
    redirectUris: [],
    postLogoutRedirectUris: [],
    tokenEndpointAuthMethod: 'client_secret_post', // 2.3 sends the secret in the body; 2.4 by Basic, accepted as well
    service: 'mail',
    introspectsScope: 'mail',
  }),
  kit,
})
