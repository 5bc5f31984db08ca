// The command line of the benches: `[NAME…] [--rounds=N] [--json]`.

/** `rounds`: instead of as many as the figures are made of, to try a bench out. */
export type Arguments = { names: string[]; json: boolean; rounds?: number }

const ROUNDS = /^--rounds=([1-9]\d{0,3})$/

/** Which benches to run; all when none is named. Throws a sentence for what is not known. */
export function parseArguments(argv: readonly string[], known: readonly string[]): Arguments {
  const names = argv.filter((word) => !word.startsWith('-'))
  const options = argv.filter((word) => word.startsWith('-'))
  const strange = [
    ...options.filter((option) => option !== '--json' && !ROUNDS.test(option)),
    ...names.filter((name) => !known.includes(name)),
  ]
  if (strange.length > 0)
    throw new Error(
      `unknown: ${strange.join(', ')}. Usage: npm run bench -- [${known.join('] [')}] [--rounds=N] [--json]`,
    )
  const rounds = options.map((option) => ROUNDS.exec(option)?.[1]).findLast((found) => found !== undefined)
  return {
    names: names.length > 0 ? [...new Set(names)] : [...known],
    json: options.includes('--json'),
    ...(rounds !== undefined && { rounds: Number(rounds) }),
  }
}
