// The plugin's part of schedar.yaml.
import { z } from 'zod'
import { listsConfig } from '../../src/plugin-lists.ts'

/** Means itself in a shell script, in systemd's units and in Sympa's own configuration. */
export const plainPath = z
  .string()
  .regex(/^(?:\/[A-Za-z0-9_][A-Za-z0-9_.@-]*)+$/, 'must be an absolute path of letters, digits, ".", "_", "@" and "-"')

export const config = z.strictObject({
  folder: plainPath.describe(
    'Folder in which a file with the members of each list is written, an absolute path on the machine that runs Sympa.',
  ),
  lists: listsConfig,
  helper: plainPath
    .optional()
    .describe(
      'Socket of the helper that has Sympa read a file again. Without it Schedar runs Sympa itself, which needs root.',
    ),
  configFile: plainPath.default('/etc/sympa/sympa/sympa.conf').describe("Sympa's own configuration."),
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Host name of the machine whose Sympa this is; a Schedar on another machine leaves it alone. Default: any.',
    ),
})
export type SympaConfig = z.infer<typeof config>
