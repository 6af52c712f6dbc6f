export { whyText } from './explain-text'
