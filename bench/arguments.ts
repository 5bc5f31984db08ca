// The command line of the benches: `[NAME…] [--json]`.

export type Arguments = { names: string[]; json: boolean }

/** Which benches to run; all when none is named. Throws a sentence for what is not known. */
export function parseArguments(argv: readonly string[], known: readonly string[]): Arguments {
  const names = argv.filter((word) => !word.startsWith('-'))
  const options = argv.filter((word) => word.startsWith('-'))
  const strange = [...options.filter((option) => option !== '--json'), ...names.filter((name) => !known.includes(name))]
  if (strange.length > 0)
    throw new Error(`unknown: ${strange.join(', ')}. Usage: npm run bench -- [${known.join('] [')}] [--json]`)
  return { names: names.length > 0 ? [...new Set(names)] : [...known], json: options.includes('--json') }
}
