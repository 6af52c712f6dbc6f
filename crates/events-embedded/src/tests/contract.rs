use crate::testing::Rig;
use async_trait::async_trait;
use events::EventStore;
use events::contract::Subject;

#[async_trait]
impl Subject for Rig {
    fn store(&self) -> &dyn EventStore {
        self.engine()
    }

    async fn reopen(&mut self) {
        Rig::reopen(self);
    }

    async fn settle(&mut self) {
        self.engine().flush().await.unwrap();
        self.engine().compact().await.unwrap();
    }
}

events::contract_tests!(Rig::new());
