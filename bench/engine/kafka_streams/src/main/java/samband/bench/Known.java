package samband.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Iterator;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** A citizen's last sixteen appointments, the latest last. */
final class Known {
    private static final int REMEMBERED = 16;
    private static final long PAST = 1_700_000_000_000_000L;
    private static final long HOUR = 3_600_000_000L;

    /** What is remembered of an appointment; times in microseconds since the epoch. */
    record Slot(long start, long end, String agency, String appointment) {}

    private final ArrayDeque<Slot> slots = new ArrayDeque<>(REMEMBERED + 1);

    /** Sixteen appointments of the past, which overlap with nothing. */
    static Known history(byte[] key) {
        Known known = new Known();
        String end = new String(key, key.length - 7, 7, StandardCharsets.ISO_8859_1);
        for (int number = 0; number < REMEMBERED; number++) {
            String name = String.format("H%02d%s", number, end);
            known.remember(new Slot(PAST + number * HOUR, PAST + (number + 1) * HOUR, "hospital.east", name));
        }
        return known;
    }

    /** The latest that overlaps and is another agency's; null if none does. */
    Slot overlapOfAnother(Slot event) {
        for (Iterator<Slot> latestFirst = slots.descendingIterator(); latestFirst.hasNext(); ) {
            Slot old = latestFirst.next();
            if (old.start < event.end && event.start < old.end && !old.agency.equals(event.agency)) {
                return old;
            }
        }
        return null;
    }

    void remember(Slot slot) {
        slots.addLast(slot);
        if (slots.size() > REMEMBERED) {
            slots.removeFirst();
        }
    }

    /** Two longs and two short texts a slot: as cheap as it gets. All texts are ASCII. */
    static final class AsBytes implements Serde<Known>, Serializer<Known>, Deserializer<Known> {
        @Override
        public byte[] serialize(String topic, Known known) {
            if (known == null) {
                return null;
            }
            int size = 0;
            for (Slot slot : known.slots) {
                size += 2 * Long.BYTES + 2 + slot.agency.length() + slot.appointment.length();
            }
            ByteBuffer buffer = ByteBuffer.allocate(size);
            for (Slot slot : known.slots) {
                buffer.putLong(slot.start).putLong(slot.end);
                putText(buffer, slot.agency);
                putText(buffer, slot.appointment);
            }
            return buffer.array();
        }

        @Override
        public Known deserialize(String topic, byte[] data) {
            if (data == null) {
                return null;
            }
            Known known = new Known();
            ByteBuffer buffer = ByteBuffer.wrap(data);
            while (buffer.hasRemaining()) {
                long start = buffer.getLong();
                long end = buffer.getLong();
                known.slots.addLast(new Slot(start, end, text(buffer), text(buffer)));
            }
            return known;
        }

        private static void putText(ByteBuffer buffer, String text) {
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            buffer.put((byte) bytes.length).put(bytes);
        }

        private static String text(ByteBuffer buffer) {
            int length = buffer.get();
            String text =
                new String(buffer.array(), buffer.position(), length, StandardCharsets.ISO_8859_1);
            buffer.position(buffer.position() + length);
            return text;
        }

        @Override
        public Serializer<Known> serializer() {
            return this;
        }

        @Override
        public Deserializer<Known> deserializer() {
            return this;
        }

        @Override
        public void close() {}

        @Override
        public void configure(java.util.Map<String, ?> given, boolean isKey) {}
    }
}
