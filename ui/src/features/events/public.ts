export { EventDetails } from './event-details'
export { personName, shortId } from './person-name'
export { PropertyTable } from './property-table'
export { asText, columnLabel, columnValue, place, readEventRow, type ShownEvent } from './values'
