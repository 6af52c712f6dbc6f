mod behaviour;
mod damage;
mod faults;
mod hostile;
mod random;
