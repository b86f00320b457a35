//! Sorted lists beside the standard library's trees and sorts, which they do the work of.

use peach_compiler::sorted::{self, SortedMap, SortedSet};
use peach_testing::Random;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn maps_are_those_of_the_standard_library() {
    let mut random = Random::new(1);
    for keys in [1, 5, 40, 300] {
        let mut map: SortedMap<usize, usize> = SortedMap::new();
        let mut twin: BTreeMap<usize, usize> = BTreeMap::new();
        for value in 0..500 {
            let key = random.below(keys);
            match random.below(6) {
                0 => assert_eq!(map.remove(&key), twin.remove(&key)),
                1 => {
                    *map.get_or_default(key) += value;
                    *twin.entry(key).or_default() += value;
                }
                2 => assert_eq!(map.get_or_insert(key, value), twin.entry(key).or_insert(value)),
                _ => assert_eq!(map.insert(key, value), twin.insert(key, value)),
            }
            let key = random.below(keys);
            assert_eq!(map.get(&key), twin.get(&key));
            assert_eq!(map.contains_key(&key), twin.contains_key(&key));
            assert!(map.iter().eq(&twin) && map.len() == twin.len());
            assert!(map.keys().eq(twin.keys()) && map.values().rev().eq(twin.values().rev()));
        }
        map.retain(|key, value| (*key + *value) % 3 != 0);
        twin.retain(|key, value| (*key + *value) % 3 != 0);
        assert!(map.clone().into_iter().eq(twin.clone()));
        assert_eq!(map, twin.into_iter().rev().collect());
    }
}

#[test]
fn sets_are_those_of_the_standard_library() {
    let mut random = Random::new(2);
    let (mut set, mut twin) = (SortedSet::new(), BTreeSet::new());
    for _ in 0..2000 {
        let element = random.below(100);
        match random.below(3) {
            0 => assert_eq!(set.remove(&element), twin.remove(&element)),
            _ => assert_eq!(set.insert(element), twin.insert(element)),
        }
        assert!(set.iter().eq(&twin) && set.first() == twin.first());
        assert_eq!(set.contains(&element), twin.contains(&element));
    }
}

#[test]
fn sorting_is_stable() {
    let mut random = Random::new(3);
    for length in 0..200 {
        let mut items: Vec<(usize, usize)> =
            (0..length).map(|place| (random.below(20), place)).collect();
        let (mut whole, mut expected) = (items.clone(), items.clone());
        sorted::sort_by_key(&mut items, |(key, _)| *key);
        expected.sort_by_key(|(key, _)| *key);
        assert_eq!(items, expected);
        whole.reverse();
        sorted::sort(&mut whole);
        assert_eq!(whole, expected);
    }
}
