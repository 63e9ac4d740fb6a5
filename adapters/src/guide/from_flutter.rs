//! The ideas of the Flutter packages `local_first` and `local_first_websocket`, and where they are here.
//!
//! A Flutter app with these packages and a program with this library can share a server: `driftless serve` speaks the package's
//! protocol, and so does every server of this library.
//!
//! | there | here |
//! |---|---|
//! | `LocalFirstClient(repositories:, localStorage:, syncStrategies:)`, `initialize()` | [`Client::builder`](crate::Client::builder)`(url)…`[`open`](crate::ClientBuilder::open)`(runtime)` |
//! | `LocalFirstRepository.create<Todo>(name:, getId:, toJson:, fromJson:)` | [`ClientBuilder::repository`](crate::ClientBuilder::repository)`(name, policy)`, then [`Client::repository`](crate::Client::repository)`::<Todo>(name)`; serde reads and writes, the id is the field `id` or given to [`upsert_as`](crate::Repository::upsert_as) |
//! | `onConflict:` | the repository's policy, see [`conflicts`](super::conflicts): not local against remote, but a record and one more event, the same on every device |
//! | the mixin `LocalFirstModel` | none: what the library knows of a record stands beside the value in [`Item`](crate::client::Item) |
//! | `SyncStatus.pending`, `.failed`, `.ok` | [`Item::pending`](crate::client::Item::pending), until the server has it: an attempt that failed changes nothing; what the server refused for good is [`Item::rejected`](crate::client::Item::rejected) |
//! | `upsert`, `delete` | [`Repository::upsert`](crate::Repository::upsert), [`delete`](crate::Repository::delete); what they return says when the server has it |
//! | `query().where(…).orderBy(…).getAll()` | [`query`](crate::Repository::query)`().`[`filter`](crate::client::Select::filter)`(…).`[`order_by`](crate::client::Select::order_by)`(…).`[`all`](crate::client::Select::all)`()` |
//! | `limitTo`, `startAfter`, `withDeleted` | [`limit`](crate::client::Select::limit), [`offset`](crate::client::Select::offset), [`include_deleted`](crate::client::Select::include_deleted) |
//! | `query().watch()` | [`query().watch()`](crate::client::Select::watch) |
//! | `InMemoryLocalFirstStorage`, `SqliteLocalFirstStorage` | [`memory`](crate::ClientBuilder::memory), [`sqlite`](crate::ClientBuilder::sqlite) |
//! | `schema:` of a repository, for filters and sorting | none is needed; [`index`](crate::ClientBuilder::index) makes queries faster |
//! | a namespace for each user | [`sqlite_namespace`](crate::ClientBuilder::sqlite_namespace), see [`storage`](super::storage) |
//! | `clearAllData()` | [`clear`](crate::Client::clear) of each repository, or [`delete_namespace`](crate::storage::SqliteStorage::delete_namespace) |
//! | `getString`, `setString` beside the data | not offered: settings of the device that nobody else sees belong in a file of the application's own |
//! | a strategy of one's own, `DataSyncStrategy` | not offered: there is one protocol. A transport of one's own is a [`Runtime`](crate::runtime::Runtime); a program that does without any is built around [`Driver`](crate::client::Driver) |
//! | `WebSocketSyncStrategy(websocketUrl:)`, `start()`, `stop()` | the address of the builder; [`open`](crate::ClientBuilder::open) starts, [`stop`](crate::Client::stop) stops |
//! | `PeriodicSyncStrategy`, `ManualSyncStrategy`, `ConnectivitySyncStrategy` | [`Strategy`](crate::core::client::Strategy), see [`strategies`](super::strategies) |
//! | `client.sync()` | [`Client::sync_now`](crate::Client::sync_now) |
//! | `reconnectDelay`, `heartbeatInterval` | [`Timing::reconnect_delay`](crate::core::client::Timing::reconnect_delay) (3 s, doubling up to a minute), [`Timing::heartbeat_interval`](crate::core::client::Timing::heartbeat_interval) (30 s) |
//! | `authToken`, `headers` | [`token`](crate::ClientBuilder::token), [`header`](crate::ClientBuilder::header), see [`credentials`](super::credentials) |
//! | `updateAuthToken`, `updateHeaders`, `updateCredentials` | [`update_auth_token`](crate::Client::update_auth_token), [`update_headers`](crate::Client::update_headers), [`update_credentials`](crate::Client::update_credentials) |
//! | `connectionChanges`, a stream of booleans | [`Client::connection`](crate::Client::connection), with progress; [`is_connected`](crate::client::Connection::is_connected) of each state is the boolean |
//! | `onBuildSyncFilter`, `onSyncCompleted` | [`sync_filter`](crate::ClientBuilder::sync_filter), [`on_applied`](crate::ClientBuilder::on_applied); sequences are kept by the library, see [`strategies`](super::strategies) |
//! | the queue of pending events | the outbox, in the file: [`Client::pending`](crate::Client::pending), [`flush`](crate::Client::flush), see [`offline`](super::offline) |
//! | the example's server with MongoDB | `driftless serve`, or a server of your own, see [`embedding`](super::embedding) |
