// What the web forms of hosted sites send with. Nothing is driven from here: the kit puts a site's own login into an msmtp
// configuration that PHP uses as its sendmail, and closes the other ways out.
import { definePlugin } from '../../src/plugin.ts'
import { config } from './config.ts'
import { examine } from './examine.ts'
import { kit } from './kit.ts'

export default definePlugin({
  summary: 'Web forms send with their site’s own login: msmtp for PHP, and no other way out (sendmail, port 25).',
  config,
  kit,
  examine,
})
