// Postfix: which addresses there are and who may write as whom, in maps that it reads itself; who may send and how much,
// which it asks for each message; what is queued of the suspended is held; its log tells what became of messages.
import { definePlugin } from '../../src/plugin.ts'
import { addresses } from './addresses.ts'
import { config } from './config.ts'
import { kit } from './kit.ts'
import { mailQueue } from './queue.ts'
import { refusedLogins } from './refused.ts'
import { serve } from './serve.ts'
import { suspendedQueue } from './suspended-queue.ts'

export default definePlugin({
  summary:
    'Postfix: who may send, how much and as whom; which addresses there are; queued mail of the suspended waits.',
  manages: 'login',
  config,
  open: async (settings, host) => refusedLogins(settings, host),
  parts: {
    addresses: { manages: 'address', open: async (settings, host) => addresses(settings, host) },
    queue: { manages: 'login', open: async (settings, host) => suspendedQueue(settings, host) },
  },
  serve,
  queue: (settings) => mailQueue(settings),
  client: () => ({
    redirectUris: [],
    postLogoutRedirectUris: [],
    tokenEndpointAuthMethod: 'client_secret_post',
    service: 'mail',
  }),
  kit,
})
