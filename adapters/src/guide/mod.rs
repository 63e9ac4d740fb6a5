//! How to use this library, one subject a page. There is no code in it.
//!
//! | page | what it answers |
//! |---|---|
//! | [`quick_start`] | a client from nothing, on each runtime |
//! | [`offline`] | what is durable when, what waits, and what to do with a change that the server refused |
//! | [`conflicts`] | who wins, and how to decide it yourself |
//! | [`credentials`] | tokens, headers, and other ones while the client runs |
//! | [`strategies`] | when a client syncs, where its history begins, and what it tells meanwhile |
//! | [`storage`] | files, users, queries, indexes, copies, starting over |
//! | [`embedding`] | a server in a process of your own |
//! | [`testing`] | tests of your application without a server, with one in the process, and with bad days |
//! | [`from_flutter`] | the ideas of the Flutter packages `local_first` and `local_first_websocket`, and where they are here |

pub mod conflicts;
pub mod credentials;
pub mod embedding;
pub mod from_flutter;
pub mod offline;
pub mod quick_start;
pub mod storage;
pub mod strategies;
pub mod testing;
