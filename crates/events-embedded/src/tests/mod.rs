mod aggregates;
mod behaviour;
mod contract;
mod damage;
mod faults;
mod hostile;
mod packed;
mod random;
