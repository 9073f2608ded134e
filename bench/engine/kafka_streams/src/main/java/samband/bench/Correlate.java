package samband.bench;

import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The work in Kafka Streams: RocksDB with cache and changelog, exactly_once_v2. Until SIGTERM.
 *
 * <p>Variant {@code history} begins each citizen with a full one.
 */
public final class Correlate {
    private static final String STORE = "known";
    private static final boolean HISTORY = said("VARIANT").equals("history");

    private Correlate() {}

    public static void main(String[] arguments) throws InterruptedException {
        KafkaStreams streams = new KafkaStreams(topology(), properties());
        CountDownLatch ended = new CountDownLatch(1);
        streams.setStateListener((after, before) -> {
            if (after == KafkaStreams.State.ERROR || after == KafkaStreams.State.NOT_RUNNING) {
                ended.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        ended.await();
        if (streams.state() == KafkaStreams.State.ERROR) {
            Runtime.getRuntime().halt(1);
        }
    }

    private static Topology topology() {
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(
            Stores.keyValueStoreBuilder(
                    Stores.persistentKeyValueStore(STORE), Serdes.ByteArray(), new Known.AsBytes())
                .withCachingEnabled()
                .withLoggingEnabled(Map.of()));
        builder.stream(said("SOURCE"), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .processValues(Overlaps::new, STORE)
            .to(said("SINK"), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        return builder.build();
    }

    private static Properties properties() {
        Properties given = new Properties();
        given.put(StreamsConfig.APPLICATION_ID_CONFIG, said("NAME"));
        given.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, said("BOOTSTRAP_SERVERS"));
        given.put(StreamsConfig.STATE_DIR_CONFIG, said("STATE_DIR"));
        given.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        given.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, said("COMMIT_MS"));
        given.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, said("THREADS"));
        given.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L * 1024 * 1024);
        given.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        given.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        given.put(StreamsConfig.consumerPrefix("max.poll.records"), 4000);
        given.put(StreamsConfig.producerPrefix("batch.size"), 512 * 1024);
        given.put(StreamsConfig.producerPrefix("linger.ms"), 5);
        return given;
    }

    private static String said(String name) {
        return System.getenv("BENCH_" + name);
    }

    private static final class Overlaps implements FixedKeyProcessor<byte[], byte[], byte[]> {
        private final Records records = new Records();
        private FixedKeyProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], Known> store;

        @Override
        public void init(FixedKeyProcessorContext<byte[], byte[]> given) {
            context = given;
            store = given.getStateStore(STORE);
        }

        @Override
        public void process(FixedKeyRecord<byte[], byte[]> record) {
            Records.Appointment event = records.read(record.value());
            Known known = store.get(record.key());
            if (known == null) {
                known = HISTORY ? Known.history(record.key()) : new Known();
            }
            Known.Slot other = known.overlapOfAnother(event.slot());
            known.remember(event.slot());
            store.put(record.key(), known);
            context.forward(record.withValue(records.write(event, other)));
        }
    }
}
