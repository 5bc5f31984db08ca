// Mailman 3: lists whose members are those whom Schedar says, told to its core, and pages that people sign in to with Schedar
// through Apache.
import { definePlugin } from '../../src/plugin.ts'
import { moduleClient } from '../apache/block.ts'
import { config } from './config.ts'
import { ENTRANCE, kit } from './kit.ts'
import { memberLists } from './member-lists.ts'

export default definePlugin({
  summary:
    'Mailman 3: lists that follow members and groups; its pages sign in through Apache, with the role superuser.',
  manages: 'account',
  config,
  secrets: ['password'],
  open: async (settings, host) => memberLists(settings, host),
  client: (url) => ({
    ...moduleClient(url),
    service: 'list',
    roles: ['superuser'],
    signInUri: () => `${url}${ENTRANCE}`,
  }),
  kit,
})
