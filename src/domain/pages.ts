/** Reads a long list page by page: `next` gives the page that follows a key, `keyOf` the key of a page's last entry. */
export async function* pages<T>(
  next: (after: string) => Promise<T[]>,
  keyOf: (last: T) => string,
): AsyncGenerator<T[]> {
  let page = await next('')
  while (page.length > 0) {
    yield page
    page = await next(keyOf(page.at(-1)!))
  }
}
