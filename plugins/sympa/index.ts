// Sympa 6.2: lists whose members are those whom Schedar says, and pages that people sign in to with Schedar through Apache.
import { definePlugin } from '../../src/plugin.ts'
import { moduleClient } from '../apache/block.ts'
import { config } from './config.ts'
import { ENTRANCE, kit } from './kit.ts'
import { memberLists } from './member-lists.ts'

export default definePlugin({
  summary:
    'Sympa 6.2: lists that follow members and groups; its pages sign in through Apache, with the role listmaster.',
  manages: 'account',
  config,
  open: async (settings, host) => memberLists(settings, host),
  client: (url) => ({
    ...moduleClient(url),
    service: 'list',
    roles: ['listmaster'],
    signInUri: () => `${url}${ENTRANCE}`,
  }),
  kit,
})
