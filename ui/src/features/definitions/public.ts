export { warningText } from './warning-text'
