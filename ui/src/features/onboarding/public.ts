export { htmlSnippet } from './snippets'
