/** A `like` pattern that finds the text anywhere, with `!` as its escape character. */
export const escapeLike = (text: string): string => `%${text.toLowerCase().replace(/[!%_]/g, '!$&')}%`

/** One that finds what ends so; the same escape character. */
export const endingLike = (text: string): string => `%${text.toLowerCase().replace(/[!%_]/g, '!$&')}`
